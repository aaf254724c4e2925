// Where the programs for the guest are: inro-guest (all roles) and inro-floor (the yardstick).
#pragma once

#include <string>

#include "base/result.h"

namespace inro::image {

// The folder that has inro-guest: $INRO_GUEST_DIR, else the folder of `program` (a build folder),
// else ../lib/inro beside it (an installed inro). An error that names them when none has it.
Result<std::string> FindGuestDir(const std::string& program);

}  // namespace inro::image
