// Layers of an OCI image, laid over one another (OCI image-spec, "Image Layer Filesystem
// Changeset").
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "image/tree/tree.h"

namespace inro::image {

// What all layers of one image together may still hold.
struct OciBudget {
  std::uint64_t bytes = std::uint64_t{16} << 30;  // of file content
  std::uint64_t entries = 4'000'000;
};

// Lays one layer, a tar that is plain or compressed, over the tree. Whiteouts (".wh.NAME", and
// ".wh..wh..opq" for all of a folder) hide what the layers below have, never what this one has,
// whatever the order of its entries. Paths go through symbolic links of the tree inside the tree,
// so nothing leaves it. A folder over a folder takes the new owner, mode and extended attributes
// and keeps its children; everything else replaces what is there. A hard link may name a file of a
// layer below. `name` is for messages; malformed bytes, paths with "..", a hard link to nothing and
// more than the budget are kBadInput. What was used is taken off the budget.
Result<> ApplyOciLayer(Tree& tree, std::string_view bytes, std::string_view name,
                       OciBudget& budget);

}  // namespace inro::image
