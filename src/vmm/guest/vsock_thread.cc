#include "vmm/guest/vsock_thread.h"

#include <thread>

#include "vmm/vsock/vsock_device.h"

namespace inro::vmm {
namespace {

class RunningDevice final : public VsockThread {
 public:
  explicit RunningDevice(std::unique_ptr<VsockDevice> device)
      : device_(std::move(device)), thread_([this] { Serve(); }) {}
  ~RunningDevice() override {
    device_->Stop();
    thread_.join();
  }

 private:
  // Standard error is the run's log. The guest goes on without its vsock: its owner sees
  // connections fail, and the log says why.
  void Serve() {
    const auto served = device_->Run();
    if (!served) fmt::print(stderr, "inro: vsock device: {}\n", served.error().ToString());
  }

  std::unique_ptr<VsockDevice> device_;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<VsockThread>> VsockThread::Start(const SupervisorSpec& spec) {
  if (spec.vhost_socket.empty()) return std::unique_ptr<VsockThread>();
  VsockDeviceOptions options;
  options.vhost_socket_path = spec.vhost_socket;
  options.hybrid_socket_path = spec.hybrid_socket;
  options.guest_cid = spec.guest_cid;
  INRO_ASSIGN(auto device, VsockDevice::Create(std::move(options)));
  return std::make_unique<RunningDevice>(std::move(device));
}

}  // namespace inro::vmm
