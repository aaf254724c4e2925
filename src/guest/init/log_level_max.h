// LogLevelMax= for the collector (systemd.exec(5)): what it shall drop of a unit's lines.
#pragma once

#include <string>
#include <string_view>

namespace inro::guest {

inline constexpr int kAllLogLevels = 7;

// Makes or removes the unit's link (protocol/log_level_link.h), below `root` in tests.
void SetLogLevelMax(std::string_view unit, int level, const std::string& root);

}  // namespace inro::guest
