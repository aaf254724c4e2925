// The ext4 writer; see ext4.h.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <vector>

#include "image/write/ext2fs_handle.h"
#include "image/write/ext4.h"
#include "image/write/file_mode.h"
#include "image/write/identity.h"
#include "image/write/little_endian.h"
#include "sys/file.h"

namespace inro::image {
namespace {

constexpr std::uint64_t kBlock = 4096;
constexpr std::uint64_t kInodeSize = 256;
constexpr std::uint64_t kFreeBytesPerInode = 16384;  // inodes that come with free space
constexpr std::size_t kFastSymlink = 60;             // shorter targets lie in the inode
constexpr int kAttempts = 6;                         // with a larger size each

int DirentType(NodeType type) {
  switch (type) {
    case NodeType::kDirectory:
      return EXT2_FT_DIR;
    case NodeType::kSymlink:
      return EXT2_FT_SYMLINK;
    case NodeType::kCharDevice:
      return EXT2_FT_CHRDEV;
    case NodeType::kBlockDevice:
      return EXT2_FT_BLKDEV;
    case NodeType::kFifo:
      return EXT2_FT_FIFO;
    case NodeType::kFile:
      break;
  }
  return EXT2_FT_REG_FILE;
}

// Blocks that the tree's data and directories take, and the inodes.
struct Need {
  std::uint64_t blocks = 0;
  std::uint64_t inodes = 0;
};

Need Estimate(const Tree& tree, std::uint64_t free_bytes) {
  Need need;
  std::map<std::string_view, std::uint64_t> listings;  // bytes of a directory's entries
  for (const auto& [path, node] : tree.nodes()) {
    ++need.inodes;
    need.blocks += RoundUp(node.content.size(), kBlock) / kBlock;
    if (node.content.size() > (64u << 20)) ++need.blocks;  // a leaf of the extent tree
    if (node.target.size() >= kFastSymlink) ++need.blocks;
    if (!node.xattrs.empty()) ++need.blocks;  // at most: small ones lie in the inode
    if (node.type == NodeType::kDirectory) listings[path] += 64;
    const std::string_view whole = path;
    const std::size_t slash = whole.rfind('/');
    const std::string_view parent =
        slash == std::string_view::npos ? std::string_view() : whole.substr(0, slash);
    listings[parent] += RoundUp(8 + whole.size() - (parent.empty() ? 0 : parent.size() + 1), 4);
  }
  for (const auto& [path, bytes] : listings) need.blocks += 1 + bytes / (kBlock - 300);
  need.blocks += RoundUp(free_bytes, kBlock) / kBlock;
  need.inodes += free_bytes / kFreeBytesPerInode + EXT2_GOOD_OLD_FIRST_INO + 5;
  return need;
}

// Block count of a file system with this need: data, inode tables, group descriptors, bitmaps.
std::uint64_t SizeInBlocks(const Need& need) {
  std::uint64_t blocks = need.blocks + RoundUp(need.inodes * kInodeSize, kBlock) / kBlock + 64;
  blocks += blocks / 32768 * 8;  // a group: two bitmaps, a share of its descriptors, rounding
  return blocks + blocks / 256;
}

class Writer {
 public:
  Writer(const Tree& tree, const Ext4Options& options)
      : tree_(tree), options_(options), time_(std::max(options.epoch, 1u)) {}

  // Makes one file system of `blocks` blocks; kTooSmall when the tree does not fit.
  Result<std::uint64_t> Run(const std::string& path, std::uint64_t blocks, std::uint64_t inodes) {
    INRO_TRY(Create(path, blocks, inodes));
    std::map<std::string_view, ext2_ino_t> directories;
    for (const auto& [name, node] : tree_.nodes()) {
      if (auto added = AddNode(name, node, directories); !added) {
        return std::unexpected(added.error().Wrap(fmt::format("write /{} to ext4", name)));
      }
    }
    const std::uint64_t size = ext2fs_blocks_count(fs_->super) * kBlock;
    INRO_TRY(Finish());
    return size;
  }

  bool too_small() const { return too_small_; }

 private:
  std::unexpected<Error> FailCode(std::string_view attempted, errcode_t code) {
    too_small_ = too_small_ || code == EXT2_ET_BLOCK_ALLOC_FAIL ||
                 code == EXT2_ET_INODE_ALLOC_FAIL || code == EXT2_ET_TOOSMALL;
    return Ext2fsFail(attempted, code);
  }

  Result<> Create(const std::string& path, std::uint64_t blocks, std::uint64_t inodes) {
    ext2_super_block want{};
    ext2fs_blocks_count_set(&want, blocks);
    want.s_inodes_count = static_cast<__u32>(inodes);
    want.s_log_block_size = 2;
    want.s_log_cluster_size = 2;
    want.s_inode_size = kInodeSize;
    want.s_rev_level = EXT2_DYNAMIC_REV;
    want.s_log_groups_per_flex = 4;
    want.s_feature_compat = EXT2_FEATURE_COMPAT_EXT_ATTR | EXT2_FEATURE_COMPAT_DIR_INDEX;
    want.s_feature_incompat = EXT2_FEATURE_INCOMPAT_FILETYPE | EXT3_FEATURE_INCOMPAT_EXTENTS |
                              EXT4_FEATURE_INCOMPAT_64BIT | EXT4_FEATURE_INCOMPAT_FLEX_BG;
    want.s_feature_ro_compat =
        EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER | EXT2_FEATURE_RO_COMPAT_LARGE_FILE |
        EXT4_FEATURE_RO_COMPAT_HUGE_FILE | EXT4_FEATURE_RO_COMPAT_DIR_NLINK |
        EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE | EXT4_FEATURE_RO_COMPAT_METADATA_CSUM;
    ext2_filsys fs = nullptr;
    if (const errcode_t code =
            ext2fs_initialize(path.c_str(), EXT2_FLAG_64BITS, &want, unix_io_manager, &fs)) {
      return FailCode("make an ext4 file system", code);
    }
    fs_.reset(fs);
    std::string offset = fmt::format("offset={}", options_.offset);
    if (const errcode_t code = io_channel_set_options(fs->io, offset.data())) {
      return FailCode("place an ext4 file system", code);
    }
    Identify();
    if (const errcode_t code = ext2fs_allocate_tables(fs)) {
      return FailCode("place the tables of ext4", code);
    }
    // The file reads as zeros there, so the inode tables are initialised already.
    for (dgrp_t group = 0; group < fs->group_desc_count; ++group) {
      ext2fs_bg_flags_set(fs, group, EXT2_BG_INODE_ZEROED);
    }
    for (ext2_ino_t inode = 1; inode < EXT2_GOOD_OLD_FIRST_INO; ++inode) {
      if (inode != EXT2_ROOT_INO) ext2fs_inode_alloc_stats2(fs, inode, +1, 0);
    }
    return {};
  }

  // Everything that the library would take from the clock or from random numbers.
  void Identify() {
    fs_->now = time_;
    ext2_super_block* super = fs_->super;
    super->s_checksum_type = EXT2_CRC32C_CHKSUM;
    std::memcpy(super->s_uuid, Uuid(tree_, "ext4").data(), sizeof super->s_uuid);
    std::memcpy(super->s_hash_seed, Uuid(tree_, "ext4 hash").data(), sizeof super->s_hash_seed);
    super->s_def_hash_version = EXT2_HASH_HALF_MD4;
    super->s_flags |= EXT2_FLAGS_UNSIGNED_HASH;
    super->s_mkfs_time = super->s_lastcheck = super->s_wtime = time_;
    super->s_mtime = 0;
    super->s_max_mnt_count = static_cast<__u16>(-1);
    super->s_checkinterval = 0;
    super->s_kbytes_written = 0;
    super->s_min_extra_isize = super->s_want_extra_isize = 32;
    ext2fs_r_blocks_count_set(super, 0);
    // Runtimes mount with data=ordered, which a kernel refuses on a file system without a journal
    // unless it is the default of that file system.
    super->s_default_mount_opts = EXT2_DEFM_XATTR_USER | EXT2_DEFM_ACL | EXT3_DEFM_JMODE_ORDERED;
    ext2fs_init_csum_seed(fs_.get());
  }

  Result<> AddNode(std::string_view path, const Node& node,
                   std::map<std::string_view, ext2_ino_t>& directories) {
    const std::size_t slash = path.rfind('/');
    const bool top = slash == std::string_view::npos;
    ext2_ino_t parent = EXT2_ROOT_INO;
    if (!top) parent = directories.at(path.substr(0, slash));
    ext2_ino_t inode = 0;
    if (path.empty()) {
      inode = EXT2_ROOT_INO;
    } else if (const errcode_t code = ext2fs_new_inode(
                   fs_.get(), parent, static_cast<int>(StatMode(node)), nullptr, &inode)) {
      return FailCode("allocate an inode", code);
    }
    switch (node.type) {
      case NodeType::kDirectory:
        directories.emplace(path, inode);
        if (const errcode_t code = ext2fs_mkdir(fs_.get(), parent, inode, nullptr)) {
          return FailCode("make the directory", code);
        }
        break;
      case NodeType::kSymlink:
        if (const errcode_t code =
                ext2fs_symlink(fs_.get(), parent, inode, nullptr, node.target.c_str())) {
          return FailCode("make the link", code);
        }
        break;
      default:
        INRO_TRY(MakeInode(inode, node));
    }
    INRO_TRY(SetMetadata(inode, node));
    INRO_TRY(SetXattrs(inode, node));
    if (path.empty()) return {};
    return Link(parent, std::string(top ? path : path.substr(slash + 1)), inode, node.type);
  }

  Result<> Link(ext2_ino_t parent, const std::string& name, ext2_ino_t inode, NodeType type) {
    errcode_t code = ext2fs_link(fs_.get(), parent, name.c_str(), inode, DirentType(type));
    if (code == EXT2_ET_DIR_NO_SPACE) {
      if (const errcode_t grown = ext2fs_expand_dir(fs_.get(), parent)) {
        return FailCode("enlarge the directory", grown);
      }
      code = ext2fs_link(fs_.get(), parent, name.c_str(), inode, DirentType(type));
    }
    if (code != 0) return FailCode("enter it into its directory", code);
    return {};
  }

  // A file, device or FIFO, with its content.
  Result<> MakeInode(ext2_ino_t number, const Node& node) {
    ext2_inode_large inode{};
    inode.i_mode = static_cast<__u16>(StatMode(node));
    inode.i_links_count = 1;
    inode.i_extra_isize = sizeof inode - EXT2_GOOD_OLD_INODE_SIZE;
    auto* const small = reinterpret_cast<ext2_inode*>(&inode);
    if (node.type == NodeType::kFile) {
      ext2_extent_handle_t extents = nullptr;
      inode.i_flags |= EXT4_EXTENTS_FL;
      if (const errcode_t code = ext2fs_extent_open2(fs_.get(), number, small, &extents)) {
        return FailCode("start the extents", code);
      }
      ext2fs_extent_free(extents);
      ext2fs_inode_size_set(fs_.get(), small, static_cast<ext2_off64_t>(node.content.size()));
    } else if (node.type != NodeType::kFifo) {
      // Small numbers have an old form in the first word, all have a new one in the second.
      if (node.major < 256 && node.minor < 256) {
        inode.i_block[0] = node.major << 8 | node.minor;
      } else {
        inode.i_block[1] = (node.minor & 0xff) | node.major << 8 | (node.minor & ~0xffu) << 12;
      }
    }
    ext2fs_inode_alloc_stats2(fs_.get(), number, +1, 0);
    if (const errcode_t code = ext2fs_write_new_inode(fs_.get(), number, small)) {
      return FailCode("write the inode", code);
    }
    if (node.content.size() == 0) return {};
    return WriteContent(number, small, node.content.view());
  }

  // Allocates the whole file first, so that it is contiguous.
  Result<> WriteContent(ext2_ino_t number, ext2_inode* inode, std::string_view bytes) {
    const blk64_t blocks = RoundUp(bytes.size(), kBlock) / kBlock;
    if (const errcode_t code = ext2fs_fallocate(fs_.get(), EXT2_FALLOCATE_FORCE_INIT, number, inode,
                                                ~0ULL, 0, blocks)) {
      return FailCode("allocate blocks", code);
    }
    ext2_file_t file = nullptr;
    if (const errcode_t code = ext2fs_file_open(fs_.get(), number, EXT2_FILE_WRITE, &file)) {
      return FailCode("open the file", code);
    }
    errcode_t code = 0;
    while (!bytes.empty() && code == 0) {
      unsigned written = 0;
      const std::string_view part = bytes.substr(0, 1 << 20);
      code = ext2fs_file_write(file, part.data(), static_cast<unsigned>(part.size()), &written);
      bytes.remove_prefix(written);
    }
    const errcode_t closed = ext2fs_file_close(file);
    if (code != 0 || closed != 0) return FailCode("write the content", code != 0 ? code : closed);
    return {};
  }

  Result<> SetMetadata(ext2_ino_t number, const Node& node) {
    ext2_inode_large inode{};
    auto* const small = reinterpret_cast<ext2_inode*>(&inode);
    if (const errcode_t code = ext2fs_read_inode_full(fs_.get(), number, small, sizeof inode)) {
      return FailCode("read the inode", code);
    }
    inode.i_mode = static_cast<__u16>(StatMode(node));
    inode.i_uid = static_cast<__u16>(node.uid);
    inode.i_gid = static_cast<__u16>(node.gid);
    inode.osd2.linux2.l_i_uid_high = static_cast<__u16>(node.uid >> 16);
    inode.osd2.linux2.l_i_gid_high = static_cast<__u16>(node.gid >> 16);
    inode.i_atime = inode.i_ctime = inode.i_mtime = inode.i_crtime = time_;
    // Seconds count from 1970 signed in 32 bits, with two more bits here.
    const __u32 high = time_ > INT32_MAX ? 1 : 0;
    inode.i_atime_extra = inode.i_ctime_extra = inode.i_mtime_extra = inode.i_crtime_extra = high;
    inode.i_extra_isize = sizeof inode - EXT2_GOOD_OLD_INODE_SIZE;
    inode.i_generation = 0;
    if (const errcode_t code = ext2fs_write_inode_full(fs_.get(), number, small, sizeof inode)) {
      return FailCode("write the inode", code);
    }
    return {};
  }

  Result<> SetXattrs(ext2_ino_t number, const Node& node) {
    if (node.xattrs.empty()) return {};
    ext2_xattr_handle* handle = nullptr;
    errcode_t code = ext2fs_xattrs_open(fs_.get(), number, &handle);
    for (auto at = node.xattrs.begin(); code == 0 && at != node.xattrs.end(); ++at) {
      code = ext2fs_xattr_set(handle, at->first.c_str(), at->second.data(), at->second.size());
    }
    if (handle != nullptr) ext2fs_xattrs_close(&handle);
    if (code != 0) return FailCode("set extended attributes", code);
    return {};
  }

  Result<> Finish() {
    if (const errcode_t code = ext2fs_set_gdt_csum(fs_.get())) {
      return FailCode("finish an ext4 file system", code);
    }
    ext2_filsys fs = fs_.release();
    if (const errcode_t code = ext2fs_close_free(&fs)) {
      if (fs != nullptr) ext2fs_free(fs);
      return FailCode("finish an ext4 file system", code);
    }
    return {};
  }

  const Tree& tree_;
  const Ext4Options& options_;
  std::uint32_t time_;  // never 0, which the library takes for "now"
  Ext2fsHandle fs_;
  bool too_small_ = false;
};

}  // namespace

Result<std::uint64_t> WriteExt4(const Tree& tree, const std::string& path,
                                const Ext4Options& options) {
  const Need need = Estimate(tree, options.free_bytes);
  std::uint64_t blocks = options.size != 0 ? options.size / kBlock : SizeInBlocks(need);
  for (int attempt = 1;; ++attempt) {
    INRO_ASSIGN(const UniqueFd fd, sys::Open(path, O_RDWR | O_CREAT));
    // What an earlier attempt left is cut off; the file reads as zeros from here on.
    const auto start = static_cast<off_t>(options.offset);
    if (::ftruncate(fd.get(), start) != 0 ||
        ::ftruncate(fd.get(), start + static_cast<off_t>(blocks * kBlock)) != 0) {
      return FailErrno("set the size of {}", path);
    }
    Writer writer(tree, options);
    auto size = writer.Run(path, blocks, need.inodes);
    if (size) return size;
    if (!writer.too_small()) return size;
    if (options.size != 0) {
      return FailAs(ErrorKind::kBadInput, "the tree needs about {} MiB of ext4, {} MiB were given",
                    (SizeInBlocks(need) * kBlock >> 20) + 1, options.size >> 20);
    }
    if (attempt == kAttempts) return size;
    blocks += blocks / 16 + 256;
  }
}

}  // namespace inro::image
