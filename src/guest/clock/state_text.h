// The role's state as the JSON object that hosts read (/run/inro/state/clock.json; docs/time.md
// describes it).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "guest/clock/keeper.h"

namespace inro::guest::clock {

// `starts`: how often the role was started in this guest.
std::string StateText(const KeeperState& state, std::uint64_t starts);

// "starts" of such a text; 0 when it is none.
std::uint64_t StartsOf(std::string_view text);

}  // namespace inro::guest::clock
