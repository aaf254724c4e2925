// OCI image layouts of trees: the way in for container images.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace inro::boot_test {

// Writes the layout of one image for linux/amd64 into the folder; `layers` are tars, the lowest
// first.
Result<> WriteOciLayout(const std::string& folder, const std::vector<std::string>& layers);

}  // namespace inro::boot_test
