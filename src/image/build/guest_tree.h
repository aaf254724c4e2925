// The tree of one init: everything that a guest's root holds, finished and checked.
#pragma once

#include <string>
#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "image/build/build.h"
#include "image/build/unit_check.h"
#include "image/finish/finish.h"
#include "image/source/source.h"

namespace inro::image {

class PackageOrigin;

// What the trees of a build share.
struct TreeInputs {
  const Definition& definition;
  PackageOrigin& packages;
  std::string_view guest_binary;  // bytes of inro-guest
  const Tree& kernel_modules;     // laid into every tree
  bool strict = false;
};

struct GuestTree {
  std::string init;
  Tree tree;
  std::string digest;
  std::vector<Package> packages;
  FinishReport finish;
  UnitReport units;  // empty unless init = inro
};

// Source, guest files, the user's files, finishing rules, unit check. Notes go to `notes`.
Result<GuestTree> MakeGuestTree(const TreeInputs& inputs, const std::string& init,
                                std::vector<std::string>& notes, Progress& progress);

}  // namespace inro::image
