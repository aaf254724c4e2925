// Raw disks in the layout that Kata's runtimes expect of an `image =`, seen alike through
// virtio-blk, NVMe and NVDIMM.
//
//   byte 0      MBR 1: partition 1 begins at 3 MiB. What a block device shows.
//   4096        nd_pfn_sb, 4096 bytes: tells the kernel's nd_pmem driver that DAX data begin at
//               2 MiB ("NVDIMM_PFN_INFO"; drivers/nvdimm/pfn.h of the kernel).
//   2 MiB       MBR 2: partition 1 begins 1 MiB further, the same place. What /dev/pmem0 shows.
//   3 MiB       the root file system, up to the end.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "image/tree/tree.h"

namespace inro::image {

inline constexpr std::uint64_t kPfnOffset = 4096;
inline constexpr std::uint64_t kPfnSize = 4096;
inline constexpr std::uint64_t kDaxDataOffset = std::uint64_t{2} << 20;
inline constexpr std::uint64_t kRootOffset = std::uint64_t{3} << 20;

// File systems that a disk's root partition can have; one row each.
enum class RootFormat { kExt4, kErofs };
struct RootFormatRow {
  RootFormat id;
  std::string_view name;         // the definition's word, and rootfstype= on the kernel line
  std::string_view mount_flags;  // rootflags= that Kata's runtimes give for it
  std::string_view about;
};
std::span<const RootFormatRow> RootFormats();
// kBadInput with the list of names when there is none of this name.
Result<RootFormat> ParseRootFormat(std::string_view name);
std::string_view RootFormatName(RootFormat format);

struct DiskOptions {
  RootFormat format = RootFormat::kExt4;
  std::uint32_t epoch = 0;       // every time stamp, seconds since 1970
  std::uint64_t free_bytes = 0;  // room left in ext4 beyond the tree
  // The disk's size is a multiple of this. 2 MiB is the least that a kernel maps as persistent
  // memory (its sections have that size); Kata's builder uses 128 MiB. A multiple of 2 MiB.
  std::uint64_t align = std::uint64_t{2} << 20;
  bool compress = false;  // of an EROFS root; DAX reads only plain ones
};

struct DiskInfo {
  std::uint64_t size = 0;       // of the whole file
  std::uint64_t root_size = 0;  // of the partition
};

// Writes the disk to `path`, which must not exist or is replaced; free space is left as holes. The
// same tree and options give the same bytes. On an error `path` may hold a partial disk: write to
// a temporary name and rename.
Result<DiskInfo> WriteDisk(const Tree& tree, const std::string& path, const DiskOptions& options);

// The first 3 MiB of a disk of `size` bytes, up to the root file system. `uuid`: 16 bytes.
std::string DiskHeader(std::uint64_t size, std::string_view uuid);

struct Partition {
  std::uint64_t offset = 0;  // from the start of the bytes given
  std::uint64_t size = 0;
};
// The first partition of an MBR at the start of `bytes`; nothing when there is no valid one.
std::optional<Partition> FirstPartition(std::string_view bytes);
// Where the root file system lies in a disk: by MBR 1, else by MBR 2 behind a valid DAX header.
// `start` is at least the first 2 MiB + 512 bytes of the disk, as far as it has them. Safe on any
// bytes; the result lies inside of `disk_size`.
Result<Partition> FindRoot(std::string_view start, std::uint64_t disk_size);
// Whether an nd_pfn_sb with a valid checksum lies at its place.
bool HasDaxHeader(std::string_view start);

}  // namespace inro::image
