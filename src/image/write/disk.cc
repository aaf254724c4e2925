#include "image/write/disk.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "image/write/erofs.h"
#include "image/write/ext4.h"
#include "image/write/identity.h"
#include "image/write/little_endian.h"
#include "sys/file.h"

namespace inro::image {
namespace {

using namespace std::string_view_literals;

constexpr RootFormatRow kFormats[] = {
    {RootFormat::kExt4, "ext4", "data=ordered,errors=remount-ro ro",
     "built into every distribution's kernel"},
    {RootFormat::kErofs, "erofs", "ro", "smaller; the kernel must have it built in"},
};

constexpr std::uint64_t kSector = 512;
constexpr std::size_t kDiskId = 440;  // in the MBR
constexpr std::size_t kFirstEntry = 446;
constexpr std::size_t kSignature = 510;
constexpr std::uint64_t kLinux = 0x83;
// Sectors beyond what cylinders, heads and sectors can say: readers use the 32-bit numbers.
constexpr std::string_view kChsTooLarge = "\xfe\xff\xff"sv;

// Offsets in nd_pfn_sb.
constexpr std::size_t kPfnUuid = 16;
constexpr std::size_t kPfnFlags = 48;
constexpr std::size_t kPfnVersionMinor = 54;
constexpr std::size_t kPfnDataOffset = 56;
constexpr std::size_t kPfnMode = 72;
constexpr std::size_t kPfnAlign = 84;
constexpr std::size_t kPfnChecksum = 4088;
constexpr std::string_view kPfnSignature = "NVDIMM_PFN_INFO\0"sv;
constexpr std::uint64_t kPfnModeRam = 1;

// A partition table with one partition; numbers in bytes.
std::string Mbr(std::uint32_t id, std::uint64_t start, std::uint64_t size) {
  std::string mbr(kSector, '\0');
  PutLe(mbr, kDiskId, id, 4);
  mbr.replace(kFirstEntry + 1, 3, kChsTooLarge);
  PutLe(mbr, kFirstEntry + 4, kLinux, 1);
  mbr.replace(kFirstEntry + 5, 3, kChsTooLarge);
  PutLe(mbr, kFirstEntry + 8, start / kSector, 4);
  PutLe(mbr, kFirstEntry + 12, size / kSector, 4);
  PutLe(mbr, kSignature, 0xaa55, 2);
  return mbr;
}

// The sum over little-endian words, and the sum of the sums, as the kernel's nd_fletcher64().
std::uint64_t Fletcher64(std::string_view bytes) {
  std::uint32_t low = 0;
  std::uint64_t high = 0;
  for (std::size_t at = 0; at + 4 <= bytes.size(); at += 4) {
    low += static_cast<std::uint32_t>(GetLe(bytes, at, 4));
    high += low;
  }
  return high << 32 | low;
}

// parent_uuid stays zero: the name space of an NVDIMM without labels has no UUID.
std::string PfnSuperblock(std::string_view uuid) {
  std::string block(kPfnSize, '\0');
  block.replace(0, kPfnSignature.size(), kPfnSignature);
  block.replace(kPfnUuid, 16, uuid.substr(0, 16));
  PutLe(block, kPfnFlags, 0, 4);
  PutLe(block, kPfnVersionMinor, 2, 2);
  PutLe(block, kPfnDataOffset, kDaxDataOffset, 8);
  PutLe(block, kPfnMode, kPfnModeRam, 4);
  PutLe(block, kPfnAlign, kDaxDataOffset, 4);
  PutLe(block, kPfnChecksum, Fletcher64(block), 8);
  return block;
}

Result<std::uint64_t> WriteRoot(const Tree& tree, const std::string& path,
                                const DiskOptions& options) {
  if (options.format == RootFormat::kExt4) {
    return WriteExt4(tree, path, {options.epoch, kRootOffset, options.free_bytes, 0});
  }
  INRO_ASSIGN(const std::string image,
              WriteErofs(tree, {.epoch = options.epoch, .compress = options.compress}));
  INRO_ASSIGN(const UniqueFd fd, sys::Open(path, O_WRONLY | O_CREAT));
  if (::lseek(fd.get(), kRootOffset, SEEK_SET) < 0) return FailErrno("seek in {}", path);
  INRO_TRY(sys::WriteAll(fd.get(), image, path));
  return image.size();
}

}  // namespace

std::span<const RootFormatRow> RootFormats() { return kFormats; }

std::string_view RootFormatName(RootFormat format) {
  return std::ranges::find(kFormats, format, &RootFormatRow::id)->name;
}

Result<RootFormat> ParseRootFormat(std::string_view name) {
  std::string names;
  for (const RootFormatRow& row : kFormats) {
    if (row.name == name) return row.id;
    names += (names.empty() ? "" : ", ") + std::string(row.name);
  }
  return FailAs(ErrorKind::kBadInput, "no root file system \"{}\"; one of: {}", name, names);
}

std::string DiskHeader(std::uint64_t size, std::string_view uuid) {
  std::string header(kRootOffset, '\0');
  const auto id = static_cast<std::uint32_t>(GetLe(uuid, 0, 4));
  const std::uint64_t root = size - kRootOffset;
  header.replace(0, kSector, Mbr(id, kRootOffset, root));
  header.replace(kPfnOffset, kPfnSize, PfnSuperblock(uuid));
  header.replace(kDaxDataOffset, kSector, Mbr(id, kRootOffset - kDaxDataOffset, root));
  return header;
}

Result<DiskInfo> WriteDisk(const Tree& tree, const std::string& path, const DiskOptions& options) {
  if (options.align == 0 || options.align % kDaxDataOffset != 0) {
    return FailAs(ErrorKind::kBadInput, "a disk's alignment must be a multiple of 2 MiB, not {}",
                  options.align);
  }
  INRO_TRY(sys::RemoveAll(path));
  INRO_ASSIGN(const std::uint64_t root, WriteRoot(tree, path, options));
  const std::uint64_t size = RoundUp(kRootOffset + root, options.align);
  if (size / kSector > UINT32_MAX) return Fail("a disk of 2 TiB or more cannot have an MBR");
  INRO_ASSIGN(const UniqueFd fd, sys::Open(path, O_WRONLY));
  if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) return FailErrno("enlarge {}", path);
  // Only what is not zero is written; the rest stays a hole.
  const std::string header = DiskHeader(size, Uuid(tree, "disk"));
  for (const auto& [offset, bytes] :
       {std::pair{std::uint64_t{0}, kPfnOffset + kPfnSize}, std::pair{kDaxDataOffset, kSector}}) {
    if (::lseek(fd.get(), static_cast<off_t>(offset), SEEK_SET) < 0) {
      return FailErrno("seek in {}", path);
    }
    INRO_TRY(sys::WriteAll(fd.get(), std::string_view(header).substr(offset, bytes), path));
  }
  return DiskInfo{size, size - kRootOffset};
}

std::optional<Partition> FirstPartition(std::string_view bytes) {
  if (bytes.size() < kSector || GetLe(bytes, kSignature, 2) != 0xaa55) return std::nullopt;
  const Partition partition{GetLe(bytes, kFirstEntry + 8, 4) * kSector,
                            GetLe(bytes, kFirstEntry + 12, 4) * kSector};
  if (GetLe(bytes, kFirstEntry + 4, 1) != kLinux || partition.offset == 0 || partition.size == 0) {
    return std::nullopt;
  }
  return partition;
}

bool HasDaxHeader(std::string_view start) {
  if (start.size() < kPfnOffset + kPfnSize) return false;
  std::string block(start.substr(kPfnOffset, kPfnSize));
  if (!block.starts_with(kPfnSignature)) return false;
  const std::uint64_t checksum = GetLe(block, kPfnChecksum, 8);
  PutLe(block, kPfnChecksum, 0, 8);
  return checksum == Fletcher64(block);
}

Result<Partition> FindRoot(std::string_view start, std::uint64_t disk_size) {
  const auto inside = [&](const Partition& partition) {
    return partition.offset <= disk_size && partition.size <= disk_size - partition.offset;
  };
  if (const auto first = FirstPartition(start); first && inside(*first)) return *first;
  if (HasDaxHeader(start) && start.size() > kDaxDataOffset) {
    if (auto second = FirstPartition(start.substr(kDaxDataOffset))) {
      second->offset += kDaxDataOffset;
      if (inside(*second)) return *second;
    }
  }
  return Fail("the disk has no partition table with a Linux partition inside of it");
}

}  // namespace inro::image
