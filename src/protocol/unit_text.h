// The two texts in which an init tells of its units: role init's state file, a table
// (guest/init/state_file.h), and what `systemctl show` prints, blocks of NAME=VALUE lines. What the
// fields mean is the reader's business; those that it does not know are passed over.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace inro::protocol {

struct UnitField {
  std::string_view name;  // of the column or property
  std::string_view value;
};
using UnitFields = std::vector<UnitField>;
using UnitVisitor = std::function<void(const UnitFields&)>;

// Calls `visit` for each row of a table whose first line names its columns; columns are separated
// by tabs. A row that has fewer of them is left out.
void ForEachUnitRow(std::string_view table, const UnitVisitor& visit);
// Calls `visit` for each block; an empty line ends one. Lines without "=" are left out.
void ForEachUnitBlock(std::string_view show, const UnitVisitor& visit);

// The decimal number that a value begins with; 0 when it begins with none.
std::uint64_t NumberOf(std::string_view value);

}  // namespace inro::protocol
