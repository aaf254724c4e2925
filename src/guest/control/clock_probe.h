// Proves by its effect that the guest's clock is kept: it is set five seconds wrong, and has to be
// right again soon.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace inro::guest::control {

// The evidence, or what went wrong. Needs root. The clock is right again afterwards also when
// nobody but the probe puts it right.
Result<std::string> ProbeClock();

// The number of a member of role clock's state (a flat object of numbers and strings).
std::optional<std::int64_t> ClockNumber(std::string_view json, std::string_view key);

}  // namespace inro::guest::control
