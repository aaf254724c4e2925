// The on-disk format of EROFS as far as this folder writes and reads it
// (Documentation/filesystems/erofs.rst and fs/erofs/erofs_fs.h describe it). All little-endian.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace inro::image::erofs {

inline constexpr std::uint32_t kMagic = 0xe0f5e1e2;
inline constexpr std::size_t kBlock = 4096;
inline constexpr std::size_t kSuperOffset = 1024;
inline constexpr std::size_t kSuperSize = 128;
inline constexpr std::size_t kSlot = 32;  // a nid counts slots of this size

inline constexpr std::uint32_t kCompatChecksum = 0x1;
inline constexpr std::uint32_t kIncompatZeroPadding = 0x1;  // compressed data end where blocks end
inline constexpr std::uint32_t kIncompatBigCluster = 0x2;   // with it, configurations follow
inline constexpr std::uint32_t kIncompatChunked = 0x4;
inline constexpr std::uint32_t kIncompatRead =
    kIncompatZeroPadding | kIncompatBigCluster | kIncompatChunked;

enum Layout : unsigned {
  kPlain = 0,       // whole blocks, one after the other
  kCompressed = 1,  // lz4, with one 8-byte index a logical block
  kInline = 2,      // whole blocks, and the last part behind the inode
  kCompact = 3,     // lz4, with packed indexes
  kChunked = 4,
};

inline constexpr std::size_t kCompactInode = 32;
inline constexpr std::size_t kExtendedInode = 64;

// Compression: the map header lies behind inode and attributes, aligned to 8, and takes 16 bytes
// with its padding; the indexes follow.
inline constexpr std::size_t kMapHeader = 16;
inline constexpr std::size_t kIndexSize = 8;
inline constexpr std::uint32_t kAdviseBigCluster1 = 0x2;
enum IndexType : unsigned { kIndexPlain = 0, kIndexHead = 1, kIndexNonHead = 2 };
inline constexpr std::uint32_t kBlockCountFlag = 1u << 11;  // in delta[0] of the first non-head
inline constexpr std::size_t kMaxClusterBlocks = 256;       // 1 MiB, the kernel's limit

inline constexpr std::size_t kXattrHeader = 12;
inline constexpr std::pair<unsigned, std::string_view> kXattrPrefixes[] = {
    {1, "user."},
    {2, "system.posix_acl_access"},
    {3, "system.posix_acl_default"},
    {4, "trusted."},
    {6, "security."},
};

inline constexpr std::size_t kDirent = 12;
// File types of directory entries (as in linux/fs_types.h).
inline constexpr unsigned kFtRegular = 1, kFtDirectory = 2, kFtChar = 3, kFtBlock = 4, kFtFifo = 5,
                          kFtSymlink = 7;

// Device number as the kernel's new_encode_dev().
constexpr std::uint32_t EncodeDevice(std::uint32_t major, std::uint32_t minor) {
  return (minor & 0xff) | major << 8 | (minor & ~0xffu) << 12;
}
constexpr std::pair<std::uint32_t, std::uint32_t> DecodeDevice(std::uint32_t device) {
  return {(device & 0xfff00) >> 8, (device & 0xff) | (device >> 12 & 0xfff00)};
}

}  // namespace inro::image::erofs
