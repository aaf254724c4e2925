// The two layouts of an initrd (see docs: one tree, two envelopes).
//
//   flat    the whole tree is one cpio, compressed; the kernel unpacks every file into rootfs.
//   nested  a small uncompressed cpio with what must be there before the body is mounted, and the
//           body, one EROFS file. The kernel copies one large file and starts /init.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "image/tree/tree.h"
#include "image/write/compress.h"

namespace inro::image {

// Where the body lies in a nested initrd; role `init` looks for it there.
inline constexpr std::string_view kBodyPath = "root.erofs";

Result<std::string> WriteFlatInitrd(const Tree& tree, Compression compression, std::uint32_t epoch,
                                    std::optional<int> level = std::nullopt);

// `outer` holds /init, early modules, device nodes and mount points; the body follows as the last
// entry, its first byte at a multiple of 4096. An error when `outer` has kBodyPath itself.
Result<std::string> AssembleNested(const Tree& outer, std::string_view body, std::uint32_t epoch);

}  // namespace inro::image
