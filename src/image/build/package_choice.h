// Which packages a tree is made from, beyond those that the definition names.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "image/definition/definition.h"

namespace inro::image {

struct PackageChoice {
  std::vector<std::string> wanted;   // sorted, no name twice
  std::vector<std::string> exclude;  // sorted; none of the definition's own wishes
};

// For a tree whose PID 1 is `init`.
PackageChoice ChoosePackages(const Definition& definition, std::string_view init);

// The line of the definition that asks for `package`; 0 when it comes from inro.
int LineOfPackage(const Definition& definition, std::string_view package);

}  // namespace inro::image
