#include "vmm/control/control_call.h"

namespace inro::vmm {

Result<std::unique_ptr<wire::Client>> ConnectControl(const GuestAddress& guest,
                                                     std::chrono::milliseconds timeout) {
  auto socket = ConnectGuest(guest, protocol::kControlPort, timeout);
  if (!socket) {
    return std::unexpected(
        socket.error().Wrap(fmt::format("reach role control of guest {}", guest.ToString())));
  }
  return std::make_unique<wire::Client>(std::move(*socket));
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
