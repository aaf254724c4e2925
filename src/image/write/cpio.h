// cpio archives in the "newc" format (magic 070701), which the kernel unpacks as an initramfs
// (Documentation/driver-api/early-userspace/buffer-format.rst).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/tree/tree.h"

namespace inro::image {

// Writes entries one after the other. Inode numbers count from 1 in the order of writing, link
// counts are fixed, every time stamp is `epoch` (seconds since 1970): equal calls give equal bytes.
class CpioWriter {
 public:
  explicit CpioWriter(std::uint32_t epoch) : epoch_(epoch) {}

  // `path` as in a Tree; the root "" is written as ".". Extended attributes do not exist in newc
  // and are left out (see LostInCpio). An error when a file is 4 GiB or larger.
  Result<> Add(std::string_view path, const Node& node);
  // A regular file whose first byte lies at a multiple of `alignment` (a power of two up to 4096)
  // from the archive's start: the name is padded with NULs, which readers take as its end.
  Result<> AddAligned(std::string_view path, std::string_view content, std::uint32_t mode,
                      std::uint32_t alignment);
  // The trailer, and zeros up to a multiple of 512. The writer is empty afterwards.
  std::string Finish();

 private:
  void Entry(std::string_view name, std::size_t name_size, const Node& node,
             std::string_view content);

  std::uint32_t epoch_;
  std::uint32_t inode_ = 0;
  Node root_ = MakeDirectory();  // as it was last added
  std::string bytes_;
};

// The whole tree, sorted by path. Files that share content are written as separate files, so that
// the bytes depend on nothing but Tree::Digest() and the epoch.
Result<std::string> WriteCpio(const Tree& tree, std::uint32_t epoch);

// The paths whose extended attributes (file capabilities) a cpio cannot carry.
std::vector<std::string> LostInCpio(const Tree& tree);

// Reads the segments that make up an initramfs: newc archives ("070701" or "070702"), one after
// the other, with zeros between them, each plain or compressed (gzip, xz, zstd, lz4 legacy). Later
// entries replace earlier ones; hard links share Content. Names may begin with "/" or "./"; one
// with ".." is an error, sockets too. Safe on any bytes: at most `limit` bytes are unpacked.
Result<Tree> ReadCpio(std::string_view bytes, std::uint64_t limit = std::uint64_t{2} << 30);

// True when the bytes begin with a newc header.
bool LooksLikeCpio(std::string_view bytes);

}  // namespace inro::image
