// The host's part of the probe of the row "logs".
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "protocol/control_message.h"

namespace inro::compare {

inline constexpr std::uint32_t kLogPort = 1025;

// `finding` is what the guest's probe said ("TOKEN PID"). Reads the log port as Kata's runtimes do
// until there have been a line of the kernel, the two lines with the token, with the unit and pid
// of their sender, and a line of the agent; the evidence shows them, or says what did not come.
protocol::Finding CheckLogs(
    const std::function<Result<UniqueFd>(std::uint32_t, std::chrono::milliseconds)>& connect,
    protocol::Finding finding, std::chrono::milliseconds limit);

}  // namespace inro::compare
