// What a file system says about itself that must not depend on when and where it was made.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "image/tree/tree.h"

namespace inro::image {

// 16 bytes: a UUID of version 8 (RFC 9562) made from the tree's digest and a word that tells
// several identifiers of one artifact apart.
std::string Uuid(const Tree& tree, std::string_view purpose = "");

// CRC-32C (Castagnoli), as the kernel's crc32c(~0, ...): started with all ones, not inverted at the
// end.
std::uint32_t Crc32c(std::string_view bytes);

}  // namespace inro::image
