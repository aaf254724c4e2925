// The list of installed packages that dpkg keeps.
#pragma once

#include <string_view>
#include <vector>

#include "image/source/source.h"

namespace inro::image {

// The installed packages of a var/lib/dpkg/status, sorted by name; entries that are not installed
// or malformed are passed over. Only name, version, architecture and installed size are known.
std::vector<Package> ParseDpkgStatus(std::string_view text);

// Of the tree's var/lib/dpkg/status; empty when there is none (another distribution).
std::vector<Package> InstalledPackages(const Tree& tree);

}  // namespace inro::image
