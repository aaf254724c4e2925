// Descriptors that the init keeps for the next process of this unit (sd_notify(3), FDSTORE=1).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace inro::guest::logs {

// Hands `fd` to the init under `name` (no colons, at most 255 bytes). Nothing to do, and no error,
// without $NOTIFY_SOCKET.
Result<> StoreDescriptor(int fd, std::string_view name);
Result<> ForgetDescriptor(std::string_view name);

}  // namespace inro::guest::logs
