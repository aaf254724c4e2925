// Lists a folder.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace inro::sys {

// The names in a folder, sorted, without "." and "..".
Result<std::vector<std::string>> ListDirectory(const std::string& path);

}  // namespace inro::sys
