// Conditions about the machine and its system, not about paths (systemd.unit(5)).
#pragma once

#include <optional>

#include "unit/unit.h"

namespace inro::guest {

// nullopt: the condition is not one of these.
std::optional<bool> EvaluateSystemCondition(const unit::Condition& condition);

}  // namespace inro::guest
