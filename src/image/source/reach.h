// Which packages of a solved closure are taken.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "image/source/source.h"

namespace inro::image {

// Walks `solution` from `roots` along Package::depends, never entering a name of `exclude`, and
// returns what was reached, sorted by name. Names that the solution lacks are passed over.
std::vector<Package> Reach(const std::vector<Package>& solution,
                           const std::vector<std::string>& roots,
                           const std::set<std::string>& exclude);

}  // namespace inro::image
