#include "vmm/control/control_call.h"

#include <algorithm>
#include <cerrno>
#include <thread>

namespace inro::vmm {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kRetryInterval{100};

// The guest is there, but not this port of it.
bool Refused(const Error& error) {
  return error.kind() == ErrorKind::kClosed || error.sys_errno() == ECONNRESET;
}

}  // namespace

Result<std::unique_ptr<wire::Client>> ConnectControl(const GuestAddress& guest,
                                                     std::chrono::milliseconds timeout) {
  const auto end = wire::Client::Clock::now() + timeout;
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(end - wire::Client::Clock::now());
    auto socket = ConnectGuest(guest, protocol::kControlPort, std::max(left, milliseconds(1)));
    if (socket) return std::make_unique<wire::Client>(std::move(*socket));
    if (!Refused(socket.error()) || left <= kRetryInterval) {
      return std::unexpected(
          socket.error().Wrap(fmt::format("reach role control of guest {}", guest.ToString())));
    }
    std::this_thread::sleep_for(kRetryInterval);
  }
}

std::unexpected<Error> ControlError(std::string_view method, const wire::Status& status) {
  switch (status.code) {
    case wire::Code::kUnimplemented:
      return Fail("the guest does not know {}: it was made by another version of inro", method);
    case wire::Code::kNotFound:
      return FailAs(ErrorKind::kNotFound, "{}", status.message);
    default:
      return Fail("{}", status.message.empty() ? wire::CodeName(status.code) : status.message);
  }
}

Result<std::string> CallControl(wire::Client& client, std::string_view method, std::string payload,
                                Deadline deadline) {
  wire::Request request;
  request.service = protocol::kControlService;
  request.method = method;
  request.payload = std::move(payload);
  INRO_ASSIGN(const wire::Client::Stream stream, client.Start(request, deadline));
  INRO_ASSIGN(wire::Response response, client.Finish(stream, deadline));
  if (!response.status.ok()) return ControlError(method, response.status);
  return std::move(response.payload);
}

}  // namespace inro::vmm
