// The EROFS reader; see erofs.h. Every number that comes from the image is checked before use:
// offsets against the image's size, sizes against the limit, directories against being met twice.
#include <lz4.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "image/write/erofs.h"
#include "image/write/erofs_format.h"
#include "image/write/file_mode.h"
#include "image/write/little_endian.h"

namespace inro::image {
namespace {

using namespace erofs;

constexpr std::size_t kMaxPath = 4096;

struct Inode {
  std::uint64_t nid = 0;
  unsigned layout = 0;
  std::uint32_t mode = 0;
  std::uint64_t size = 0;
  std::uint32_t where = 0;   // i_u
  std::uint64_t xattrs = 0;  // offset and size of the attributes
  std::uint64_t xattr_size = 0;
  std::uint64_t body = 0;  // offset of what follows them
  Node node;               // owner and type
};

struct Index {
  unsigned type = 0;
  std::uint64_t offset = 0;  // in the logical block
  std::uint64_t value = 0;   // block number, or the two distances
};

class Reader {
 public:
  Reader(std::string_view image, std::uint64_t limit) : image_(image), limit_(limit) {}

  Result<Tree> Run() {
    if (!LooksLikeErofs(image_)) return Fail("EROFS: no superblock");
    const std::uint64_t super = kSuperOffset;
    if (GetLe(image_, super + 12, 1) != 12) return Fail("EROFS: blocks that are not 4096 bytes");
    const std::uint64_t features = GetLe(image_, super + 80, 4);
    if ((features & ~std::uint64_t{kIncompatRead}) != 0) {
      return Fail("EROFS: features {:#x} are not understood",
                  features & ~std::uint64_t{kIncompatRead});
    }
    zero_padding_ = (features & kIncompatZeroPadding) != 0;
    meta_ = GetLe(image_, super + 40, 4) * kBlock;
    shared_ = GetLe(image_, super + 44, 4) * kBlock;
    INRO_ASSIGN(Inode root, ReadInode(GetLe(image_, super + 14, 2)));
    if (root.node.type != NodeType::kDirectory) return Fail("EROFS: the root is no directory");
    INRO_TRY(ReadXattrs(root));
    INRO_TRY(tree_.Put("", root.node));
    directories_.push_back({"", std::move(root)});
    while (!directories_.empty()) {
      const auto [path, inode] = std::move(directories_.back());
      directories_.pop_back();
      INRO_TRY(ReadDirectory(path, inode));
    }
    return std::move(tree_);
  }

 private:
  // Whether a range lies in the image; both numbers may be anything.
  bool Inside(std::uint64_t offset, std::uint64_t size) const {
    return offset <= image_.size() && size <= image_.size() - offset;
  }

  Result<Inode> ReadInode(std::uint64_t nid) const {
    if (nid > image_.size() / kSlot) return Fail("EROFS: inode {} is outside of the image", nid);
    const std::uint64_t at = meta_ + nid * kSlot;
    const std::uint64_t format = GetLe(image_, at, 2);
    const bool extended = (format & 1) != 0;
    const std::size_t head = extended ? kExtendedInode : kCompactInode;
    if (!Inside(at, head)) return Fail("EROFS: inode {} is outside of the image", nid);
    Inode inode;
    inode.nid = nid;
    inode.layout = format >> 1 & 7;
    inode.mode = static_cast<std::uint32_t>(GetLe(image_, at + 4, 2));
    inode.where = static_cast<std::uint32_t>(GetLe(image_, at + 16, 4));
    inode.size = GetLe(image_, at + 8, extended ? 8 : 4);
    inode.node.uid = static_cast<std::uint32_t>(GetLe(image_, at + 24, extended ? 4 : 2));
    inode.node.gid =
        static_cast<std::uint32_t>(GetLe(image_, at + (extended ? 28 : 26), extended ? 4 : 2));
    const std::uint64_t attributes = GetLe(image_, at + 2, 2);
    inode.xattrs = at + head;
    inode.xattr_size = attributes == 0 ? 0 : kXattrHeader + 4 * (attributes - 1);
    inode.body = inode.xattrs + inode.xattr_size;
    if (!Inside(inode.xattrs, inode.xattr_size)) return Fail("EROFS: inode {} is cut off", nid);
    const auto type = TypeOfMode(inode.mode);
    if (!type)
      return Fail("EROFS: inode {} has mode {:o}, no type that a tree holds", nid, inode.mode);
    inode.node.type = *type;
    inode.node.mode = inode.mode & 07777;
    if (*type == NodeType::kCharDevice || *type == NodeType::kBlockDevice) {
      std::tie(inode.node.major, inode.node.minor) = DecodeDevice(inode.where);
    }
    return inode;
  }

  // One attribute at `at` that must end before `end`; returns where it ends.
  Result<std::uint64_t> ReadXattr(Inode& inode, std::uint64_t at, std::uint64_t end) {
    const std::uint64_t name_size = GetLe(image_, at, 1);
    const std::uint64_t index = GetLe(image_, at + 1, 1);
    const std::uint64_t value_size = GetLe(image_, at + 2, 2);
    const std::uint64_t next = at + 4 + name_size + value_size;
    if (next > end || !Inside(at, 4 + name_size + value_size)) {
      return Fail("EROFS: an attribute of inode {} is cut off", inode.nid);
    }
    if (value_size + name_size > limit_ - used_) return Fail("EROFS: more than {} bytes", limit_);
    used_ += value_size + name_size;
    for (const auto& [number, prefix] : kXattrPrefixes) {
      if (number != index) continue;
      inode.node.xattrs[std::string(prefix) + std::string(image_.substr(at + 4, name_size))] =
          image_.substr(at + 4 + name_size, value_size);
    }
    return RoundUp(next, 4);
  }

  Result<> ReadXattrs(Inode& inode) {
    if (inode.xattr_size < kXattrHeader) return {};
    const std::uint64_t shared = GetLe(image_, inode.xattrs + 4, 1);
    std::uint64_t at = inode.xattrs + kXattrHeader;
    for (std::uint64_t i = 0; i < shared; ++i, at += 4) {
      if (at + 4 > inode.body) return Fail("EROFS: attributes of inode {} are cut off", inode.nid);
      INRO_TRY(ReadXattr(inode, shared_ + 4 * GetLe(image_, at, 4), UINT64_MAX));
    }
    while (at + 4 <= inode.body) {
      INRO_ASSIGN(at, ReadXattr(inode, at, inode.body));
    }
    return {};
  }

  // The bytes of a file, link or directory.
  Result<std::string> ReadData(const Inode& inode) {
    if (inode.size > limit_ - used_) return Fail("EROFS: files of more than {} bytes", limit_);
    used_ += inode.size;
    switch (inode.layout) {
      case kPlain:
      case kInline:
        return ReadPlain(inode);
      case kCompressed:
        return ReadCompressed(inode);
      case kChunked:
        return ReadChunked(inode);
      default:
        return Fail("EROFS: inode {} has layout {}, which is not understood", inode.nid,
                    inode.layout);
    }
  }

  Result<std::string> ReadPlain(const Inode& inode) const {
    const std::uint64_t whole = inode.layout == kInline ? inode.size / kBlock * kBlock : inode.size;
    const std::uint64_t start = std::uint64_t{inode.where} * kBlock;
    if ((whole != 0 && !Inside(start, whole)) || !Inside(inode.body, inode.size - whole)) {
      return Fail("EROFS: the data of inode {} are outside of the image", inode.nid);
    }
    std::string data;
    if (whole != 0) data = image_.substr(start, whole);
    data += image_.substr(inode.body, inode.size - whole);
    return data;
  }

  Result<std::string> ReadChunked(const Inode& inode) const {
    constexpr std::uint64_t kIndexes = 0x20;  // else a plain block map
    const std::uint64_t chunk = kBlock << (inode.where & 0x1f);
    const std::size_t entry = (inode.where & kIndexes) != 0 ? 8 : 4;
    const std::uint64_t count = inode.size / chunk + (inode.size % chunk != 0 ? 1 : 0);
    const std::uint64_t map = RoundUp(inode.body, entry);
    if (!Inside(map, 0) || count > (image_.size() - map) / entry) {
      return Fail("EROFS: the chunks of inode {} are outside of the image", inode.nid);
    }
    std::string data;
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t size = std::min(chunk, inode.size - i * chunk);
      const std::uint64_t block = GetLe(image_, map + i * entry + (entry == 8 ? 4 : 0), 4);
      if (block == UINT32_MAX) {
        data.append(size, '\0');
        continue;
      }
      if (!Inside(block * kBlock, size)) {
        return Fail("EROFS: a chunk of inode {} is outside of the image", inode.nid);
      }
      data += image_.substr(block * kBlock, size);
    }
    return data;
  }

  // One extent: physical blocks at `block`, `length` bytes when unpacked.
  Result<> Unpack(const Inode& inode, bool compressed, std::uint64_t block, std::uint64_t blocks,
                  std::uint64_t length, std::string& out) const {
    if (blocks > kMaxClusterBlocks || !Inside(block * kBlock, blocks * kBlock) ||
        (!compressed && length > kBlock)) {
      return Fail("EROFS: an extent of inode {} is outside of the image", inode.nid);
    }
    std::string_view stored = image_.substr(block * kBlock, blocks * kBlock);
    if (!compressed) {
      out += stored.substr(0, length);
      return {};
    }
    if (zero_padding_)
      stored.remove_prefix(std::min(stored.find_first_not_of('\0'), stored.size()));
    const std::size_t at = out.size();
    out.resize(at + length);
    const int size = static_cast<int>(stored.size());
    const int wanted = static_cast<int>(length);
    const int got =
        zero_padding_
            ? LZ4_decompress_safe(stored.data(), out.data() + at, size, wanted)
            : LZ4_decompress_safe_partial(stored.data(), out.data() + at, size, wanted, wanted);
    if (got != wanted) return Fail("EROFS: an extent of inode {} is damaged", inode.nid);
    return {};
  }

  Result<std::string> ReadCompressed(const Inode& inode) const {
    const std::uint64_t map = RoundUp(inode.body, 8);
    const std::uint64_t count = inode.size / kBlock + (inode.size % kBlock != 0 ? 1 : 0);
    const std::uint64_t table = map + kMapHeader;
    if (!Inside(table, 0) || count > (image_.size() - table) / kIndexSize) {
      return Fail("EROFS: the index of inode {} is outside of the image", inode.nid);
    }
    if (GetLe(image_, map + 6, 1) != 0 || GetLe(image_, map + 7, 1) != 0 ||
        (GetLe(image_, map + 4, 2) & ~std::uint64_t{kAdviseBigCluster1}) != 0) {
      return Fail("EROFS: the compression of inode {} is not understood", inode.nid);
    }
    const auto index = [&](std::uint64_t i) {
      const std::uint64_t at = table + i * kIndexSize;
      return Index{static_cast<unsigned>(GetLe(image_, at, 2) & 3), GetLe(image_, at + 2, 2),
                   GetLe(image_, at + 4, 4)};
    };
    std::string out;
    for (std::uint64_t i = 0; i < count;) {
      const Index head = index(i);
      if (head.type > kIndexHead || i * kBlock + head.offset != out.size()) {
        return Fail("EROFS: the index of inode {} has a gap", inode.nid);
      }
      std::uint64_t next = i + 1;
      while (next < count && index(next).type == kIndexNonHead) ++next;
      const std::uint64_t end = next < count ? next * kBlock + index(next).offset : inode.size;
      if (end > inode.size || end < out.size()) {
        return Fail("EROFS: the index of inode {} is out of order", inode.nid);
      }
      std::uint64_t blocks = 1;
      if (i + 1 < next) {
        const std::uint64_t delta = index(i + 1).value & 0xffff;
        if ((delta & kBlockCountFlag) != 0) blocks = delta & ~std::uint64_t{kBlockCountFlag};
      }
      INRO_TRY(Unpack(inode, head.type == kIndexHead, head.value, blocks, end - out.size(), out));
      i = next;
    }
    if (out.size() != inode.size) return Fail("EROFS: the index of inode {} ends early", inode.nid);
    return out;
  }

  Result<> ReadDirectory(const std::string& path, const Inode& inode) {
    if (!seen_.insert(inode.nid).second) {
      return Fail("EROFS: the directory {} is met twice", path);
    }
    INRO_ASSIGN(const std::string data, ReadData(inode));
    for (std::size_t start = 0; start < data.size(); start += kBlock) {
      const std::string_view block = std::string_view(data).substr(start, kBlock);
      const std::size_t count = GetLe(block, 8, 2) / kDirent;
      if (count == 0 || count * kDirent > block.size()) {
        return Fail("EROFS: the directory {} is damaged", path);
      }
      for (std::size_t i = 0; i < count; ++i) {
        const std::size_t from = GetLe(block, i * kDirent + 8, 2);
        const std::size_t to =
            i + 1 < count ? GetLe(block, (i + 1) * kDirent + 8, 2) : block.size();
        if (from > to || to > block.size()) return Fail("EROFS: the directory {} is damaged", path);
        std::string_view name = block.substr(from, to - from);
        name = name.substr(0, name.find('\0'));
        if (name == "." || name == "..") continue;
        INRO_TRY(ReadEntry(path, name, GetLe(block, i * kDirent, 8)));
      }
    }
    return {};
  }

  Result<> ReadEntry(const std::string& parent, std::string_view name, std::uint64_t nid) {
    if (name.empty() || name.find('/') != std::string_view::npos) {
      return Fail("EROFS: an impossible name in the directory {}", parent);
    }
    const std::string path =
        parent.empty() ? std::string(name) : fmt::format("{}/{}", parent, name);
    if (path.size() > kMaxPath) return Fail("EROFS: a path of more than {} bytes", kMaxPath);
    INRO_ASSIGN(Inode inode, ReadInode(nid));
    INRO_TRY(ReadXattrs(inode));
    if (inode.node.type == NodeType::kSymlink) {
      INRO_ASSIGN(inode.node.target, ReadData(inode));
    } else if (inode.node.type == NodeType::kFile) {
      auto found = contents_.find(nid);
      if (found == contents_.end()) {
        INRO_ASSIGN(std::string data, ReadData(inode));
        found = contents_.emplace(nid, Content(std::move(data))).first;
      }
      inode.node.content = found->second;
    }
    INRO_TRY(tree_.Put(path, inode.node));
    if (inode.node.type == NodeType::kDirectory) directories_.push_back({path, std::move(inode)});
    return {};
  }

  std::string_view image_;
  std::uint64_t limit_;
  std::uint64_t used_ = 0;
  std::uint64_t meta_ = 0;
  std::uint64_t shared_ = 0;
  bool zero_padding_ = false;
  Tree tree_;
  std::vector<std::pair<std::string, Inode>> directories_;
  std::set<std::uint64_t> seen_;
  std::map<std::uint64_t, Content> contents_;
};

}  // namespace

bool LooksLikeErofs(std::string_view image) {
  return image.size() >= kSuperOffset + kSuperSize && GetLe(image, kSuperOffset, 4) == kMagic;
}

Result<Tree> ReadErofs(std::string_view image, std::uint64_t limit) {
  return Reader(image, limit).Run();
}

}  // namespace inro::image
