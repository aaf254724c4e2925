// The service's side of systemd's readiness protocol (sd_notify(3)): one datagram to the socket
// that $NOTIFY_SOCKET names.
#pragma once

#include <string_view>

#include "base/result.h"

namespace inro::sys {

// Sends `state` ("READY=1", lines separated by newlines). Nothing to do, and no error, when
// $NOTIFY_SOCKET is not set. The name may start with "@" (abstract).
Result<> Notify(std::string_view state);

}  // namespace inro::sys
