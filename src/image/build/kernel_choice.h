// The kernel of a definition and the modules that its guests carry.
#pragma once

#include <string>
#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "image/definition/definition.h"
#include "image/kernel/kernel.h"

namespace inro::image {

class PackageOrigin;

struct ChosenKernel {
  Kernel kernel;
  Tree tree;                        // modules, and the lists that role init loads them by
  std::vector<std::string> attach;  // how a disk of it can be the root, best first
};

Result<ChosenKernel> ChooseKernel(const Definition& definition, PackageOrigin& packages,
                                  std::vector<std::string>& notes, Progress& progress);

// The name that the kernel gives the root partition of a disk that is attached so.
std::string_view RootDevice(std::string_view attach);

}  // namespace inro::image
