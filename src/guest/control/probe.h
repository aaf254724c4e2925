// The probes: each row of the table that this guest can prove from the inside, by trying it.
#pragma once

#include <string>
#include <vector>

#include "protocol/control_message.h"

namespace inro::guest::control {

// One finding for each feature asked for, in that order; empty: all that can be probed here. A
// feature that is not known gives "no" with that as evidence. Blocks while probes run (seconds).
std::vector<protocol::Finding> RunProbes(const std::vector<std::string>& features);

}  // namespace inro::guest::control
