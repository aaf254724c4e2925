#include "vmm/guest/time_service.h"

#include <sys/stat.h>

#include "protocol/time_message.h"
#include "vmm/time/time_server.h"
#include "wire/address.h"

namespace inro::vmm {
namespace {

Result<UniqueFd> Listen(const std::string& hybrid_socket) {
  wire::Address address;
  if (hybrid_socket.empty()) {
    address.kind = wire::Address::Kind::kVsock;
    address.cid = wire::kAnyCid;
    address.port = protocol::kTimePort;
    return wire::Listen(address);
  }
  address.path = fmt::format("{}_{}", hybrid_socket, protocol::kTimePort);
  INRO_ASSIGN(UniqueFd listener, wire::Listen(address));
  if (::chmod(address.path.c_str(), 0600) != 0) return FailErrno("make {} private", address.path);
  return listener;
}

}  // namespace

TimeService::TimeService(const SupervisorSpec& spec)
    : wanted_(spec.serve_time && (!spec.hybrid_socket.empty() || spec.guest_cid > 3)),
      hybrid_socket_(spec.hybrid_socket) {
  Retry();
}

TimeService::~TimeService() = default;

std::chrono::milliseconds TimeService::RetryInterval() const {
  return std::chrono::milliseconds(wanted_ && !server_ ? 2000 : -1);
}

void TimeService::Retry() {
  if (!wanted_ || server_) return;
  auto started = [&]() -> Result<std::unique_ptr<TimeServer>> {
    std::vector<UniqueFd> listeners;
    INRO_ASSIGN(UniqueFd listener, Listen(hybrid_socket_));
    listeners.push_back(std::move(listener));
    return TimeServer::Start(std::move(listeners));
  }();
  if (started) {
    server_ = std::move(*started);
  } else if (!complained_) {
    // Standard error is the run's log.
    complained_ = true;
    fmt::print(stderr, "inro: the host's time is not served: {}\n", started.error().ToString());
  }
}

}  // namespace inro::vmm
