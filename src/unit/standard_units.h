// Units that exist everywhere: the standard targets of systemd.special(7) and Kata's target, which
// are empty where no file defines them (a tree without the systemd package).
#pragma once

#include <string_view>

#include "unit/unit.h"

namespace inro::unit {

bool IsStandardUnit(std::string_view name);
// Fills in the dependencies that a standard unit has by itself.
void ApplyStandardUnit(Unit& unit);
// What a standard name stands for when no file defines it: "default.target" for
// "kata-containers.target". Empty for other names.
std::string_view StandardAlias(std::string_view name);

}  // namespace inro::unit
