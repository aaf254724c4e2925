// Source kind `directory`: a root file system that is unpacked on the host.
#pragma once

#include <string>

#include "base/progress.h"
#include "base/result.h"
#include "image/source/source.h"

namespace inro::image {

// Reads the folder into a tree, owners and modes as on disk; does not follow symbolic links.
// Sockets are left out with a note. What the user may not read is an error that lists the first
// such paths and how many there are. Packages come from var/lib/dpkg/status when it is there.
Result<SourceTree> ImportDirectory(const std::string& path, Progress& progress);

}  // namespace inro::image
