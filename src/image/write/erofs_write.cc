// The EROFS writer; see erofs.h. Layout of an image: the superblock at byte 1024 with its
// configuration of lz4 behind it, the inodes with what they carry inline (attributes, index tables,
// short tails), then whole data blocks. Inodes and blocks stand in the order of the paths.
#include <algorithm>
#include <map>
#include <vector>

#include "image/write/erofs.h"
#include "image/write/erofs_cluster.h"
#include "image/write/erofs_format.h"
#include "image/write/file_mode.h"
#include "image/write/identity.h"
#include "image/write/little_endian.h"

namespace inro::image {
namespace {

using namespace erofs;

// lz4's configuration behind the superblock: a length, then 14 bytes.
constexpr std::size_t kConfigSize = 2 + 14;
constexpr std::size_t kFirstInode = (kSuperOffset + kSuperSize + kConfigSize + 63) / 64 * 64;

struct Inode {
  const Node* node = nullptr;
  std::size_t parent = 0;
  std::uint32_t links = 1;
  bool extended = false;
  Layout layout = kPlain;
  std::uint64_t offset = 0;                                        // in the image
  std::uint64_t size = 0;                                          // of the data
  std::string xattrs;                                              // as stored
  std::vector<std::pair<std::string_view, std::size_t>> children;  // name, inode; with "." and ".."
  std::string_view bytes;                                          // files and links
  std::vector<Extent> extents;                                     // compressed files
  std::uint64_t first_block = 0;                                   // of the data
  std::uint64_t blocks = 0;

  std::size_t head() const { return (extended ? kExtendedInode : kCompactInode) + xattrs.size(); }
};

unsigned FileType(NodeType type) {
  switch (type) {
    case NodeType::kDirectory:
      return kFtDirectory;
    case NodeType::kSymlink:
      return kFtSymlink;
    case NodeType::kCharDevice:
      return kFtChar;
    case NodeType::kBlockDevice:
      return kFtBlock;
    case NodeType::kFifo:
      return kFtFifo;
    case NodeType::kFile:
      break;
  }
  return kFtRegular;
}

Result<std::string> EncodeXattrs(const Node& node, std::string_view path) {
  std::string out;
  if (node.xattrs.empty()) return out;
  out.resize(kXattrHeader);
  for (const auto& [name, value] : node.xattrs) {
    unsigned index = 0;
    std::string_view rest;
    for (const auto& [number, prefix] : kXattrPrefixes) {
      if (!name.starts_with(prefix)) continue;
      index = number;
      rest = std::string_view(name).substr(prefix.size());
    }
    if (index == 0 || rest.size() > 255 || value.size() > UINT16_MAX) {
      return Fail("write {} to EROFS: the attribute {} cannot be stored", path, name);
    }
    AppendLe(out, rest.size(), 1);
    AppendLe(out, index, 1);
    AppendLe(out, value.size(), 2);
    out += rest;
    out += value;
    out.resize(RoundUp(out.size(), 4));
  }
  if ((out.size() - kXattrHeader) / 4 + 1 > UINT16_MAX) {
    return Fail("write {} to EROFS: its attributes are too large", path);
  }
  return out;
}

// How many bytes a directory takes: blocks are filled as far as whole entries fit.
std::uint64_t DirectorySize(const Inode& inode) {
  std::uint64_t full = 0;
  std::size_t used = 0;
  for (const auto& [name, child] : inode.children) {
    if (used + kDirent + name.size() > kBlock) {
      full += kBlock;
      used = 0;
    }
    used += kDirent + name.size();
  }
  return full + used;
}

class Writer {
 public:
  Writer(const Tree& tree, const ErofsOptions& options) : tree_(tree), options_(options) {}

  Result<std::string> Run() {
    INRO_TRY(Collect());
    if (options_.compress) INRO_TRY(CompressContents());
    const std::uint64_t end = Place();
    if (end / kBlock > UINT32_MAX) return Fail("write EROFS: larger than 16 TiB");
    image_.resize(end);
    for (const Inode& inode : inodes_) WriteInode(inode);
    WriteSuper();
    return std::move(image_);
  }

 private:
  Result<> Collect() {
    std::map<std::string_view, std::size_t> numbers;
    for (const auto& [path, node] : tree_.nodes()) {
      const std::size_t number = inodes_.size();
      numbers.emplace(path, number);
      Inode inode;
      inode.node = &node;
      inode.extended =
          node.uid > UINT16_MAX || node.gid > UINT16_MAX || node.content.size() > UINT32_MAX;
      if (node.type == NodeType::kFile) inode.bytes = node.content.view();
      if (node.type == NodeType::kSymlink) inode.bytes = node.target;
      inode.size = inode.bytes.size();
      INRO_ASSIGN(inode.xattrs, EncodeXattrs(node, path));
      if (!path.empty()) {
        const std::size_t slash = path.rfind('/');
        const std::string_view whole = path;
        const bool top = slash == std::string::npos;
        inode.parent = numbers.at(top ? std::string_view() : whole.substr(0, slash));
        const std::string_view name = top ? whole : whole.substr(slash + 1);
        if (name.size() > 255) return Fail("write {} to EROFS: the name is too long", path);
        inodes_[inode.parent].children.emplace_back(name, number);
        if (node.type == NodeType::kDirectory) ++inodes_[inode.parent].links;
      }
      if (node.type == NodeType::kDirectory) {
        inode.links = 2;
        inode.children = {{".", number}, {"..", inode.parent}};
      }
      inodes_.push_back(std::move(inode));
    }
    for (Inode& inode : inodes_) {
      if (inode.node->type != NodeType::kDirectory) continue;
      std::ranges::sort(inode.children);
      inode.size = DirectorySize(inode);
      inode.extended = inode.extended || inode.links > UINT16_MAX;
    }
    return {};
  }

  Result<> CompressContents() {
    std::vector<std::string_view> files;
    std::vector<std::size_t> owners;
    for (std::size_t i = 0; i < inodes_.size(); ++i) {
      // A file of one block cannot become smaller.
      if (inodes_[i].node->type != NodeType::kFile || inodes_[i].size <= kBlock) continue;
      files.push_back(inodes_[i].bytes);
      owners.push_back(i);
    }
    INRO_ASSIGN(auto extents,
                CompressFiles(files, {options_.level, options_.cluster_bytes, options_.threads}));
    for (std::size_t i = 0; i < owners.size(); ++i) {
      inodes_[owners[i]].extents = std::move(extents[i]);
    }
    return {};
  }

  // Chooses layouts and gives every inode and every block its place; returns the image's size.
  std::uint64_t Place() {
    std::uint64_t at = kFirstInode;
    for (Inode& inode : inodes_) {
      const std::uint64_t tail = inode.size % kBlock;
      inode.layout = kPlain;
      inode.blocks = RoundUp(inode.size, kBlock) / kBlock;
      std::uint64_t body = 0;
      if (!inode.extents.empty()) {
        inode.layout = kCompressed;
        body = RoundUp(inode.head(), 8) - inode.head() + kMapHeader + inode.blocks * kIndexSize;
        inode.blocks = 0;
        for (const Extent& extent : inode.extents) inode.blocks += extent.blocks();
      } else if (tail != 0 && inode.head() + tail <= kBlock) {
        inode.layout = kInline;
        inode.blocks = inode.size / kBlock;
        body = tail;
      }
      at = RoundUp(at, inode.extended ? kExtendedInode : kSlot);
      // Nothing that fits into one block crosses into the next; an inline tail must not.
      const std::uint64_t whole = inode.head() + body;
      if (whole <= kBlock && at % kBlock + whole > kBlock) at = RoundUp(at, kBlock);
      inode.offset = at;
      at += whole;
    }
    std::uint64_t block = RoundUp(at, kBlock) / kBlock;
    for (Inode& inode : inodes_) {
      inode.first_block = block;
      block += inode.blocks;
    }
    return block * kBlock;
  }

  std::string DirectoryBytes(const Inode& inode) const {
    std::string out;
    const auto& children = inode.children;
    for (std::size_t first = 0; first < children.size();) {
      std::size_t used = 0;
      std::size_t last = first;
      while (last < children.size() && used + kDirent + children[last].first.size() <= kBlock) {
        used += kDirent + children[last++].first.size();
      }
      out.resize(RoundUp(out.size(), kBlock));
      std::size_t name_at = (last - first) * kDirent;
      std::string names;
      for (std::size_t i = first; i < last; ++i) {
        const Inode& child = inodes_[children[i].second];
        AppendLe(out, child.offset / kSlot, 8);
        AppendLe(out, name_at + names.size(), 2);
        AppendLe(out, FileType(child.node->type), 1);
        AppendLe(out, 0, 1);
        names += children[i].first;
      }
      out += names;
      first = last;
    }
    return out;
  }

  void Put(std::uint64_t offset, std::string_view bytes) {
    image_.replace(offset, bytes.size(), bytes);
  }

  void WriteInode(const Inode& inode) {
    const Node& node = *inode.node;
    std::uint64_t where = inode.blocks == 0 ? 0 : inode.first_block;
    if (inode.layout == kCompressed) where = inode.blocks;
    if (node.type == NodeType::kCharDevice || node.type == NodeType::kBlockDevice) {
      where = EncodeDevice(node.major, node.minor);
    }
    const std::uint64_t number = static_cast<std::uint64_t>(&inode - inodes_.data()) + 1;
    const std::uint64_t attributes =
        inode.xattrs.empty() ? 0 : (inode.xattrs.size() - kXattrHeader) / 4 + 1;
    const std::uint64_t at = inode.offset;
    PutLe(image_, at, inode.layout << 1 | (inode.extended ? 1u : 0u), 2);
    PutLe(image_, at + 2, attributes, 2);
    PutLe(image_, at + 4, StatMode(node), 2);
    PutLe(image_, at + 16, where, 4);
    PutLe(image_, at + 20, number, 4);
    if (inode.extended) {
      PutLe(image_, at + 8, inode.size, 8);
      PutLe(image_, at + 24, node.uid, 4);
      PutLe(image_, at + 28, node.gid, 4);
      PutLe(image_, at + 32, options_.epoch, 8);
      PutLe(image_, at + 44, inode.links, 4);
    } else {
      PutLe(image_, at + 6, inode.links, 2);
      PutLe(image_, at + 8, inode.size, 4);
      PutLe(image_, at + 24, node.uid, 2);
      PutLe(image_, at + 26, node.gid, 2);
    }
    Put(at + inode.head() - inode.xattrs.size(), inode.xattrs);
    WriteData(inode);
  }

  void WriteData(const Inode& inode) {
    const std::uint64_t behind = inode.offset + inode.head();
    std::uint64_t block_at = inode.first_block * kBlock;
    if (inode.layout == kCompressed) {
      const std::uint64_t map = RoundUp(behind, 8);
      PutLe(image_, map + 4, kAdviseBigCluster1, 2);
      Put(map + kMapHeader, IndexTable(inode.extents, inode.size, inode.first_block));
      for (const Extent& extent : inode.extents) {
        Put(block_at, extent.data);
        block_at += extent.data.size();
      }
      return;
    }
    std::string listing;
    std::string_view bytes = inode.bytes;
    if (inode.node->type == NodeType::kDirectory) bytes = listing = DirectoryBytes(inode);
    if (inode.layout == kInline) {
      const std::size_t whole = bytes.size() / kBlock * kBlock;
      Put(behind, bytes.substr(whole));
      bytes = bytes.substr(0, whole);
    }
    Put(block_at, bytes);
  }

  void WriteSuper() {
    const std::size_t at = kSuperOffset;
    PutLe(image_, at, kMagic, 4);
    PutLe(image_, at + 8, kCompatChecksum, 4);
    PutLe(image_, at + 12, 12, 1);  // blocks of 2^12 bytes
    PutLe(image_, at + 14, inodes_[0].offset / kSlot, 2);
    PutLe(image_, at + 16, inodes_.size(), 8);
    PutLe(image_, at + 24, options_.epoch, 8);
    PutLe(image_, at + 36, image_.size() / kBlock, 4);
    Put(at + 48, Uuid(tree_));
    if (options_.compress) {
      PutLe(image_, at + 80, kIncompatZeroPadding | kIncompatBigCluster, 4);
      PutLe(image_, at + 84, 1, 2);  // lz4 is the only algorithm
      PutLe(image_, at + kSuperSize, kConfigSize - 2, 2);
      PutLe(image_, at + kSuperSize + 2, UINT16_MAX, 2);  // distance of a match, at most
      PutLe(image_, at + kSuperSize + 4, options_.cluster_bytes / kBlock, 2);
    }
    PutLe(image_, at + 4, Crc32c(std::string_view(image_).substr(at, kBlock - kSuperOffset)), 4);
  }

  const Tree& tree_;
  const ErofsOptions& options_;
  std::vector<Inode> inodes_;
  std::string image_;
};

}  // namespace

Result<std::string> WriteErofs(const Tree& tree, const ErofsOptions& options) {
  if (options.cluster_bytes == 0 || options.cluster_bytes % kBlock != 0 ||
      options.cluster_bytes / kBlock > kMaxClusterBlocks) {
    return FailAs(ErrorKind::kBadInput, "EROFS: a cluster of {} bytes; a multiple of {} up to {}",
                  options.cluster_bytes, kBlock, kMaxClusterBlocks * kBlock);
  }
  return Writer(tree, options).Run();
}

}  // namespace inro::image
