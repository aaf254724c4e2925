// LogLevelMax= on its way from the init to the collector: a symbolic link for each unit that has
// one, as systemd makes it for journald. Its target is the level, a digit.
#pragma once

#include <string>
#include <string_view>

namespace inro::protocol {

inline constexpr std::string_view kUnitsFolder = "/run/systemd/units";

// The path of a unit's link below `folder`.
inline std::string LogLevelLink(std::string_view folder, std::string_view unit) {
  return std::string(folder) + "/log-level-max:" + std::string(unit);
}

}  // namespace inro::protocol
