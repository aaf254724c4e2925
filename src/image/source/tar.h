// Source kind `tar`: any distribution's root file system as one archive.
#pragma once

#include <string>

#include "base/progress.h"
#include "base/result.h"
#include "image/source/source.h"

namespace inro::image {

// Reads a tar (any format and compression that libarchive detects) into a tree: owners, modes,
// devices, extended attributes and hard links as in the archive. An entry that leaves the root
// ("../x") is an error. Packages come from var/lib/dpkg/status when it is there. A file that is
// absent is kBadInput; one that is no archive is kFailed. Entries named "./proc/..." and so on are
// taken as they are.
Result<SourceTree> ImportTar(const std::string& path, Progress& progress);

}  // namespace inro::image
