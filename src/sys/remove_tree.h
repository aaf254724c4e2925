// Removes a folder's content without ever leaving its file system.
#pragma once

#include <string>

#include "base/result.h"

namespace inro::sys {

// Removes everything below `path`, and `path` itself; absence is not an error. Links are removed,
// not followed. A folder on which something is mounted is an error: what lies behind a mount is
// somebody else's.
Result<> RemoveTree(const std::string& path);

}  // namespace inro::sys
