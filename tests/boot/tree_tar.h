// A tree as a tar archive: the way in for root file systems of any distribution.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "image/tree/tree.h"

namespace inro::boot_test {

// Writes every node of the tree for which `keep` is true, with owners, modes and devices.
Result<> WriteTar(const image::Tree& tree, const std::string& path,
                  const std::function<bool(std::string_view)>& keep);

}  // namespace inro::boot_test
