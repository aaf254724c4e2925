// Calls of the host to role control in a guest (proto/control.proto, vsock port 10124).
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "protocol/control_message.h"
#include "protocol/message.h"
#include "vmm/host/guest_address.h"
#include "wire/client.h"

namespace inro::vmm {

// How long a boot that is under way may still take until the control port opens.
inline constexpr std::chrono::seconds kControlPortLimit{60};

// A connection to the role. Its port opens once the boot is over, and the role starts when
// somebody connects: the timeout is for both. A guest without the role is told from one that still
// boots only by then.
Result<std::unique_ptr<wire::Client>> ConnectControl(
    const GuestAddress& guest, std::chrono::milliseconds timeout = kControlPortLimit);

// The error of an answer that is not OK, in words for the user: what the guest says, and nothing of
// the wire. An absent role and a guest without it are told apart from a refusal.
std::unexpected<Error> ControlError(std::string_view method, const wire::Status& status);

using Deadline = wire::Client::Clock::time_point;
inline constexpr Deadline kNoDeadline = Deadline::max();

// One call, from any thread. Without a deadline it waits as long as the connection lasts.
Result<std::string> CallControl(wire::Client& client, std::string_view method, std::string payload,
                                Deadline deadline = kNoDeadline);

template <protocol::MessageStruct Response, protocol::MessageStruct Request>
Result<Response> CallControl(wire::Client& client, std::string_view method, const Request& request,
                             Deadline deadline = kNoDeadline) {
  INRO_ASSIGN(const std::string payload,
              CallControl(client, method, protocol::Encode(request), deadline));
  Response response;
  if (!protocol::Decode(payload, response)) return Fail("{}: the answer is malformed", method);
  return response;
}

}  // namespace inro::vmm
