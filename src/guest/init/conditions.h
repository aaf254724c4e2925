// Condition*= and Assert*= evaluated on the running system (systemd.unit(5)).
#pragma once

#include <string>

#include "unit/kernel_command_line.h"
#include "unit/unit.h"

namespace inro::guest {

// Whether the condition holds, without regard to "!" and "|".
bool EvaluateCondition(const unit::Condition& condition, const unit::KernelCommandLine& line);

}  // namespace inro::guest
