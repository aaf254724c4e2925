// What roles have to show: /run/inro/state/ROLE.json, small objects that they write themselves.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace inro::guest::control {

inline constexpr std::string_view kStateFolder = "/run/inro/state";

// The JSON of a role; kNotFound when it has written none, kBadInput for what is no role's name.
Result<std::string> ReadRoleState(std::string_view role, std::string_view folder = kStateFolder);

}  // namespace inro::guest::control
