// Units that can never start in a tree: a program, user, group or environment file that is not
// there.
#pragma once

#include <string>
#include <vector>

#include "image/tree/tree.h"
#include "unit/unit.h"

namespace inro::image {

// One line for each reason, "NAME cannot start: ..."; none for units that some condition keeps from
// starting in this tree anyway, and for what only exists once the guest runs (/run, /tmp, /dev,
// /proc, /sys, below RootDirectory=).
std::vector<std::string> WhyItNeverStarts(const unit::Unit& unit, const Tree& tree);

}  // namespace inro::image
