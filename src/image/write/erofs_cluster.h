// Compressed file data of an EROFS: a file becomes extents, each a run of physical blocks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace inro::image::erofs {

// A run of a file's bytes. Compressed: `data` is whole blocks, the lz4 block at their end behind
// zeros. Plain: one block that holds up to 4096 bytes as they are. Every extent but a file's last
// is at least 4096 bytes long, so that no logical block holds the start of two.
struct Extent {
  std::uint64_t start = 0;  // in the file
  std::uint64_t length = 0;
  bool compressed = false;
  std::string data;

  std::uint32_t blocks() const { return static_cast<std::uint32_t>(data.size() / 4096); }
};

struct ClusterOptions {
  int level;
  std::size_t cluster_bytes;
  unsigned threads;
};

// Compresses all files, in parallel; the result depends on nothing but the input and the options
// without `threads`. A file that would not become smaller gets no extents.
Result<std::vector<std::vector<Extent>>> CompressFiles(const std::vector<std::string_view>& files,
                                                       const ClusterOptions& options);

// The index table for a file of `size` bytes (8 bytes a logical block); the first extent's blocks
// lie at block number `first_block`, the others follow.
std::string IndexTable(const std::vector<Extent>& extents, std::uint64_t size,
                       std::uint64_t first_block);

}  // namespace inro::image::erofs
