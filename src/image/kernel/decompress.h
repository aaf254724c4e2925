// Kernel modules as distributions ship them: plain, .xz, .zst or .gz.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace inro::image {

// The name without its compression suffix: "erofs.ko.xz" -> "erofs.ko".
std::string_view WithoutCompressionSuffix(std::string_view name);

// The module's own bytes, by the suffix of its name; a copy when it is not compressed. An error
// when the bytes are damaged or would unpack to more than 64 MiB.
Result<std::string> DecompressModule(std::string_view name, std::string_view bytes);

}  // namespace inro::image
