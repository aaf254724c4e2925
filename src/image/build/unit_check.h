// Checks a tree's units on the host, with the parser that PID 1 of the guest uses.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "image/definition/definition.h"
#include "image/tree/tree.h"
#include "unit/finding.h"

namespace inro::image {

struct UnitReport {
  std::vector<std::string> started;  // units that the boot of kata-containers.target starts, sorted
  unit::Findings findings;           // about these units
  // One line a unit file: what its reader should know ("X: not enforced under init = inro: ...").
  std::vector<std::string> notes;
};

// What the boot of `target` under init = inro starts. An error about a unit of the definition's
// carries the path of the unit file and its line and is kBadInput; the agent's unit missing, or a
// target that cannot start, is kFailed.
Result<UnitReport> CheckUnits(const Definition& definition, const Tree& tree);

}  // namespace inro::image
