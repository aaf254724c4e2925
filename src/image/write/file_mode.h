// A node's type and permissions as the st_mode number that cpio, ext4 and EROFS all store.
#pragma once

#include <cstdint>
#include <optional>

#include "image/tree/tree.h"

namespace inro::image {

// Type bits and permission bits, as in stat(2).
std::uint32_t StatMode(const Node& node);

// The type that the S_IFMT bits of `mode` name; nothing for a socket or a number that is no type.
std::optional<NodeType> TypeOfMode(std::uint32_t mode);

}  // namespace inro::image
