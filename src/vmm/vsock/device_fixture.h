// A running device with a fake guest, and a host process's view of it; for tests.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <memory>
#include <string>
#include <thread>

#include "sys/file.h"
#include "vmm/vsock/fake_guest.h"
#include "vmm/vsock/vsock_device.h"

namespace inro::vmm {

// How long a test waits for what has to come; only one that fails waits so long.
inline constexpr std::chrono::seconds kPatience{60};

// A socket of a host process. All waits end after kPatience.
class HostSocket {
 public:
  explicit HostSocket(UniqueFd fd) : fd_(std::move(fd)) {
    const timeval limit{kPatience.count(), 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  }
  static sockaddr_un Address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    return address;
  }
  static HostSocket Connect(const std::string& path) {
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un address = Address(path);
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return HostSocket(std::move(fd));
  }
  static UniqueFd Listen(const std::string& path, int backlog = 64) {
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un address = Address(path);
    EXPECT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(fd.get(), backlog), 0);
    return fd;
  }
  static HostSocket Accept(const UniqueFd& listener) {
    pollfd waiting{listener.get(), POLLIN, 0};
    EXPECT_EQ(poll(&waiting, 1, std::chrono::milliseconds(kPatience).count()), 1);
    return HostSocket(UniqueFd(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)));
  }

  void Write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t n = send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  // Exactly `size` bytes, fewer at the end or after kPatience.
  std::string Read(std::size_t size) const {
    std::string bytes(size, '\0');
    const ssize_t n = recv(fd_.get(), bytes.data(), size, MSG_WAITALL);
    bytes.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
    return bytes;
  }
  std::string ReadLine() const {
    std::string line;
    for (;;) {
      const std::string c = Read(1);
      if (c.empty()) return line;
      line += c;
      if (c == "\n") return line;
    }
  }
  // The other side closed (in order or not).
  bool AtEnd() const {
    char byte = 0;
    const ssize_t n = recv(fd_.get(), &byte, 1, 0);
    return n == 0 || (n < 0 && errno == ECONNRESET);
  }
  bool HasBytes(int milliseconds) const {
    pollfd waiting{fd_.get(), POLLIN, 0};
    return poll(&waiting, 1, milliseconds) == 1;
  }
  void FinishWriting() const { shutdown(fd_.get(), SHUT_WR); }
  void Close() { fd_.reset(); }
  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

// The device in a thread of its own, listening for VMMs at "v" and for hosts at "h".
class DeviceFixture : public ::testing::Test {
 protected:
  void TearDown() override { StopDevice(); }

  void StartDevice(VsockLimits limits = {}) {
    folder_ = std::make_unique<sys::TempDir>(*sys::TempDir::Create("vsock-test"));
    VsockDeviceOptions options;
    options.vhost_socket_path = folder_->path() + "/v";
    options.hybrid_socket_path = path();
    options.limits = limits;
    auto device = VsockDevice::Create(std::move(options));
    ASSERT_TRUE(device) << device.error().ToString();
    device_ = std::move(*device);
    thread_ = std::thread([this] {
      const auto ran = device_->Run();
      EXPECT_TRUE(ran) << ran.error().ToString();
    });
  }
  void StopDevice() {
    if (!device_) return;
    device_->Stop();
    thread_.join();
    device_.reset();
  }

  std::string path() const { return folder_->path() + "/h"; }
  std::unique_ptr<FakeGuest> Vmm() const {
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un address = HostSocket::Address(folder_->path() + "/v");
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return std::make_unique<FakeGuest>(std::move(fd));
  }
  // A VMM whose guest's driver is up.
  std::unique_ptr<FakeGuest> Guest() const {
    auto guest = Vmm();
    guest->Attach();
    guest->StartDriver();
    return guest;
  }
  HostSocket Connect(std::uint32_t port) const {
    HostSocket host = HostSocket::Connect(path());
    host.Write("CONNECT " + std::to_string(port) + "\n");
    return host;
  }
  // A connection to the guest's port, accepted by it. `host_port` is set.
  HostSocket Establish(FakeGuest& guest, std::uint32_t port, std::uint32_t& host_port,
                       std::uint32_t guest_buffer = 256 * 1024) const {
    HostSocket host = Connect(port);
    // Packets of earlier connections may still be on their way.
    auto request = guest.Receive();
    while (request &&
           (request->header.op != PacketOp::kRequest || request->header.dst_port != port)) {
      request = guest.Receive();
    }
    EXPECT_TRUE(request);
    host_port = request ? request->header.src_port : 0;
    PacketHeader response = GuestPacket(PacketOp::kResponse, port, host_port);
    response.buf_alloc = guest_buffer;
    guest.Send(response);
    EXPECT_EQ(host.ReadLine(), "OK " + std::to_string(host_port) + "\n");
    return host;
  }
  const VsockStatistics& statistics() const { return device_->statistics(); }
  // Waits for a counter to reach a value.
  static bool Reaches(const Counter& counter, std::uint64_t value) {
    return Wait([&] { return counter.get() >= value; });
  }
  static bool Falls(const Counter& counter, std::uint64_t value) {
    return Wait([&] { return counter.get() <= value; });
  }

 private:
  template <class F>
  static bool Wait(F condition) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  }

 protected:
  std::unique_ptr<sys::TempDir> folder_;
  std::unique_ptr<VsockDevice> device_;
  std::thread thread_;
};

}  // namespace inro::vmm
