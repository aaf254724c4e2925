// Bytes as vhost-user messages, to a session without descriptors, and to each parser.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "vmm/vsock/vhost_user_session.h"

namespace {

class Nobody final : public inro::vmm::VhostUserSession::Listener {
 public:
  inro::Result<> OnStart() override { return {}; }
  std::array<std::uint16_t, 2> OnStop() override { return {}; }
  void OnRingDescriptors() override {}
  void OnReset() override {}
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace inro::vmm;
  const auto bytes = std::as_bytes(std::span(data, size));
  (void)ParseMemoryTable(bytes, 1);
  (void)ParseConfigAccess(bytes);
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) return 0;
  const inro::UniqueFd peer(pair[1]);
  Nobody nobody;
  VhostUserSession session(inro::UniqueFd(pair[0]), 3, nobody);
  if (write(peer.get(), data, std::min<std::size_t>(size, 65536)) < 0) return 0;
  (void)session.HandleReadable();
  return 0;
}
