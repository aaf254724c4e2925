// Writes a tree of an artifact to a folder of the host, as far as an ordinary user can.
#pragma once

#include <string>
#include <string_view>

#include "base/progress.h"
#include "base/result.h"
#include "image/tree/tree.h"

namespace inro::cli {

// `top` (clean, "" for all) and what lies below it go to `folder`, which must not exist yet: so no
// link of the artifact can lead out of it. Owners are the caller's; set-id bits and devices are
// left out with one note.
Result<> ExtractTree(const image::Tree& tree, std::string_view top, const std::string& folder,
                     Progress& progress);

}  // namespace inro::cli
