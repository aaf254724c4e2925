// `inro vsock`.
#include <utility>

#include "verbs.h"
#include "vmm/vsock/vsock_device.h"

namespace inro::cli {
namespace {

class VsockVerb final : public Verb {
 public:
  std::vector<Option> Options() override {
    return {
        {"--vhost-socket", "PATH", &vhost_socket_, "Where QEMU connects (vhost-user)", {}, true},
        {"--hybrid-socket",
         "PATH",
         &hybrid_socket_,
         "Where host processes connect; the guest's connections to port P arrive at PATH_P",
         {},
         true},
        {"--cid", "N", &cid_, "The guest's CID (default: 3)"},
    };
  }

  Result<int> Run(Session&) override {
    vmm::VsockDeviceOptions options;
    options.vhost_socket_path = vhost_socket_;
    options.hybrid_socket_path = hybrid_socket_;
    options.guest_cid = cid_.value_or(3);
    if (options.guest_cid < 3 || options.guest_cid >= 0xffffffff) {
      return FailAs(ErrorKind::kBadInput, "--cid: {} is reserved: use 3 or more",
                    options.guest_cid);
    }
    // SIGINT and SIGTERM are this verb's orderly end, as is the VMM's.
    INRO_TRY(vmm::RunVsockDevice(std::move(options)));
    return 0;
  }

 private:
  std::string vhost_socket_;
  std::string hybrid_socket_;
  std::optional<std::uint64_t> cid_;
};

}  // namespace

std::unique_ptr<Verb> MakeVsockVerb() { return std::make_unique<VsockVerb>(); }

}  // namespace inro::cli
