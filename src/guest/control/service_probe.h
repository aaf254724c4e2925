// The probe of row `services`.
#pragma once

#include <string>

#include "base/result.h"

namespace inro::guest::control {

// Writes a service with its socket as standard units, as a user would, has them read and started by
// systemctl, connects, kills the service and connects again; all is removed at the end. The
// evidence says what the service has shown of itself.
Result<std::string> ProbeServices();

}  // namespace inro::guest::control
