// Enabling and masking of units, as `systemctl enable` and `mask` do without a running manager:
// links made from the [Install] section (systemd.unit(5)).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "image/finish/rule.h"

namespace inro::image {

struct InstallSection {
  std::vector<std::string> wanted_by;
  std::vector<std::string> required_by;
  std::vector<std::string> upheld_by;
  std::vector<std::string> alias;
  std::vector<std::string> also;
  std::string default_instance;

  bool empty() const {
    return wanted_by.empty() && required_by.empty() && upheld_by.empty() && alias.empty() &&
           also.empty();
  }
};

// Never fails: lines that are none are skipped, an empty value clears a list.
InstallSection ParseInstallSection(std::string_view unit_text);

// Where the unit's file is in the tree ("usr/lib/systemd/system/chrony.service"); a template for an
// instance. Empty when there is none.
std::string FindUnitFile(const Tree& tree, std::string_view unit);

// Enables and masks what the options name. kBadInput when a unit is not in the tree.
Result<> ApplyUnitEnablement(RuleContext& context);
Result<> ApplyUnitMasks(RuleContext& context);
Result<> ApplyDefaultTarget(RuleContext& context);
Result<> ApplyInitLink(RuleContext& context);

}  // namespace inro::image
