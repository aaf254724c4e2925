// EROFS images, written and read in memory. The body of a nested initrd is one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "image/tree/tree.h"

namespace inro::image {

struct ErofsOptions {
  std::uint32_t epoch = 0;  // the time stamp of every inode, seconds since 1970
  bool compress = true;     // lz4hc; files that do not shrink by a block stay plain
  int level = 9;            // of lz4hc, 3 to 12
  // Compressed bytes that are read and unpacked together, at most; a multiple of 4096 up to 1 MiB.
  // Larger is smaller on disk, smaller is quicker for a program that touches few pages.
  std::size_t cluster_bytes = 65536;
  unsigned threads = 0;  // 0: one a processor. Does not change the bytes.
};

// A whole image, its size a multiple of 4096. Owners, modes, nodes and extended attributes are the
// tree's. The UUID comes from Tree::Digest(). Kernels from 5.13 on mount it (with lz4; 5.4 on
// without). Deterministic in tree and options. An attribute outside of the name spaces "user.",
// "trusted.", "security." and POSIX ACLs is an error.
Result<std::string> WriteErofs(const Tree& tree, const ErofsOptions& options = {});

// Reads an image as this writer or mkfs.erofs makes it, except with packed ("compact") indexes of
// compressed files, fragments and multiple devices: those are an error that says so. Hard links
// share Content. Safe on any bytes: an error when files hold more than `limit` bytes together.
Result<Tree> ReadErofs(std::string_view image, std::uint64_t limit = std::uint64_t{2} << 30);

bool LooksLikeErofs(std::string_view image);

}  // namespace inro::image
