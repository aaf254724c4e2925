// ext4 file systems in an image file, written and read through libext2fs: no mount, no root.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "image/tree/tree.h"

namespace inro::image {

struct Ext4Options {
  std::uint32_t epoch = 0;       // every time stamp, seconds since 1970
  std::uint64_t offset = 0;      // where in the file the file system begins, a multiple of 4096
  std::uint64_t free_bytes = 0;  // room to leave beyond the tree
  // The whole space to fill, 0: as large as needed. An error when the tree does not fit.
  std::uint64_t size = 0;
};

// Writes the tree at options.offset of `path`, which is created or must be all zeros there, and
// returns the size of the file system (a multiple of 4096; the file is sparse where blocks are
// free). Blocks of 4096 bytes, no journal: a guest mounts it read-only, and a journal would be
// 4 MiB that are never used. Metadata checksums and indexed directories are on. UUID, hash seed and
// all numbers come from the tree: the same tree gives the same bytes.
Result<std::uint64_t> WriteExt4(const Tree& tree, const std::string& path,
                                const Ext4Options& options = {});

// Reads a file system at `offset` of `path`. An error when its files hold more than `limit` bytes,
// or when it holds sockets. Hard links share Content. "lost+found" is left out.
Result<Tree> ReadExt4(const std::string& path, std::uint64_t offset = 0,
                      std::uint64_t limit = std::uint64_t{2} << 30);

}  // namespace inro::image
