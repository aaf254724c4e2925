// Enabling and masking of units, as `systemctl enable` and `mask` do without a running manager: the
// plans of unit/install.h, carried out on a tree.
#pragma once

#include <string>

#include "image/finish/rule.h"
#include "unit/install.h"

namespace inro::image {

// Where a tree's unit files are.
unit::InstallOptions TreeInstallOptions();

// Path of the unit's file in the tree, "/usr/lib/systemd/system/chrony.service"; a template for an
// instance. Empty when there is none.
std::string FindUnitFile(const Tree& tree, const std::string& unit);

// Enables and masks what the options name. kBadInput when a unit is not in the tree.
Result<> ApplyUnitEnablement(RuleContext& context);
Result<> ApplyUnitMasks(RuleContext& context);
Result<> ApplyDefaultTarget(RuleContext& context);
Result<> ApplyInitLink(RuleContext& context);

}  // namespace inro::image
