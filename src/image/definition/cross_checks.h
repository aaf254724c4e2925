// Checks that need more than one setting.
#pragma once

#include "base/result.h"
#include "image/definition/definition.h"

namespace inro::image {

// Fills what follows from other settings (name, hostname) and refuses what cannot be built.
Result<> CheckDefinition(Definition& definition);

}  // namespace inro::image
