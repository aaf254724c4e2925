// The units of the guest, under either init: what `systemctl show` prints under systemd, the state
// file of role init under inro. The role asks nothing of PID 1 itself.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "protocol/control_message.h"

namespace inro::guest::control {

// All loaded units, sorted by name.
Result<std::vector<protocol::UnitState>> ReadUnits();

// The state file of role init (guest/init/state_file.h): a line of column names, then a line a
// unit, columns separated by tabs. Columns are found by name; lines that are too short are skipped.
std::vector<protocol::UnitState> ParseUnitsTsv(std::string_view text);

// The output of `systemctl show`: blocks of KEY=VALUE lines, an empty line between units.
std::vector<protocol::UnitState> ParseSystemctlShow(std::string_view text);

}  // namespace inro::guest::control
