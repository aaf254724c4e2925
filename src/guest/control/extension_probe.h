// The guest's part of the probe of the row "extensions".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "protocol/control_message.h"

namespace inro::guest::control {

// A file of this name, with one line of text, lies at the top of an extension that is for probing.
inline constexpr std::string_view kExtensionProbeFile = "probe";

// Of the extension "probe": the file is read from an EROFS that cannot be written to, on a
// dm-verity device that the kernel calls valid, and its unit was active before the agent's began to
// start. The evidence has the file's text, which only the host knows beforehand.
Result<std::string> ProbeExtensions();

// Microseconds from the extension's unit being active to the agent's begin; an error when it was
// not so, or a unit is not there. For ProbeExtensions and its test.
Result<std::uint64_t> LeadOverAgent(const std::vector<protocol::UnitState>& units,
                                    std::string_view unit);

}  // namespace inro::guest::control
