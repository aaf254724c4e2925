// Files of EnvironmentFile= (systemd.exec(5)): lines NAME=VALUE, shell-like quotes, comments.
#pragma once

#include <string_view>

#include "unit/command_line.h"

namespace inro::unit {

// The assignments of the file, later ones win. Lines that are no assignments are left out. Never
// fails; `text` beyond 256 KiB is not read.
Environment ParseEnvironmentFile(std::string_view text);

}  // namespace inro::unit
