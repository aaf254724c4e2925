// The reader of newc archives; see cpio.h.
#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "image/write/compress.h"
#include "image/write/cpio.h"
#include "image/write/file_mode.h"
#include "image/write/little_endian.h"

namespace inro::image {
namespace {

constexpr std::size_t kHeaderSize = 110;
constexpr int kMaxCompressedLayers = 2;  // a compressed archive may hold one more, no bomb of bombs

std::optional<std::uint32_t> Hex8(std::string_view text) {
  std::uint32_t value = 0;
  for (const char c : text) {
    int digit = 0;
    if (c >= '0' && c <= '9') {
      digit = c - '0';
    } else if (c >= 'a' && c <= 'f') {
      digit = c - 'a' + 10;
    } else if (c >= 'A' && c <= 'F') {
      digit = c - 'A' + 10;
    } else {
      return std::nullopt;
    }
    value = value << 4 | static_cast<std::uint32_t>(digit);
  }
  return value;
}

struct Header {
  std::uint32_t inode, mode, uid, gid, links, time, size, major, minor, rmajor, rminor, name, check;
};

Result<Header> ParseHeader(std::string_view bytes, std::size_t at) {
  if (bytes.size() - at < kHeaderSize) return Fail("cpio: cut off in a header at byte {}", at);
  if (!LooksLikeCpio(bytes.substr(at))) return Fail("cpio: no header at byte {}", at);
  std::uint32_t fields[13];
  for (std::size_t i = 0; i < 13; ++i) {
    const auto value = Hex8(bytes.substr(at + 6 + 8 * i, 8));
    if (!value) return Fail("cpio: the header at byte {} holds a digit that is none", at);
    fields[i] = *value;
  }
  return Header{fields[0], fields[1], fields[2], fields[3],  fields[4],  fields[5], fields[6],
                fields[7], fields[8], fields[9], fields[10], fields[11], fields[12]};
}

class Reader {
 public:
  explicit Reader(std::uint64_t limit) : limit_(limit) {}

  // Reads all segments of `bytes`.
  Result<> Segments(std::string_view bytes, int layer) {
    std::size_t at = 0;
    while (true) {
      at = bytes.find_first_not_of('\0', at);
      if (at == std::string_view::npos) return {};
      if (LooksLikeCpio(bytes.substr(at))) {
        INRO_ASSIGN(const std::size_t size, Archive(bytes.substr(at)));
        at += size;
        continue;
      }
      const std::string_view rest = bytes.substr(at);
      const auto format = DetectCompression(rest);
      if (!format || layer >= kMaxCompressedLayers) {
        return Fail("cpio: neither an archive nor a known compression at byte {}", at);
      }
      INRO_ASSIGN(const Decompressed plain, Decompress(rest, *format, limit_ - used_));
      used_ += plain.bytes.size();
      INRO_TRY(Segments(plain.bytes, layer + 1));
      at += plain.consumed;
    }
  }

  Tree Take() { return std::move(tree_); }

 private:
  // One archive up to its trailer; returns its size.
  Result<std::size_t> Archive(std::string_view bytes) {
    links_.clear();
    std::size_t at = 0;
    while (true) {
      INRO_ASSIGN(const Header header, ParseHeader(bytes, at));
      const std::uint64_t name_end = at + kHeaderSize + header.name;
      const std::uint64_t data = RoundUp(name_end, 4);
      if (header.name == 0 || data > bytes.size() || header.size > bytes.size() - data) {
        return Fail("cpio: the entry at byte {} is cut off", at);
      }
      std::string_view name = bytes.substr(at + kHeaderSize, header.name);
      if (name.back() != '\0') return Fail("cpio: the name at byte {} has no end", at);
      name = name.substr(0, name.find('\0'));
      at = std::min<std::uint64_t>(RoundUp(data + header.size, 4), bytes.size());
      if (name == "TRAILER!!!") return at;
      INRO_TRY(Put(name, header, bytes.substr(data, header.size)));
    }
  }

  Result<> Put(std::string_view name, const Header& header, std::string_view data) {
    const auto type = TypeOfMode(header.mode);
    if (!type) return Fail("cpio: {} has mode {:o}, no type that a tree holds", name, header.mode);
    INRO_ASSIGN(const std::string path, CleanPath(name));
    // A directory of an earlier archive may be a link: the kernel follows it, and so do we.
    const std::string place = path.empty() ? path : tree_.ResolveParents(path);
    Node node;
    node.type = *type;
    node.mode = header.mode & 07777;
    node.uid = header.uid;
    node.gid = header.gid;
    if (node.type == NodeType::kSymlink) node.target = std::string(data);
    if (node.type == NodeType::kCharDevice || node.type == NodeType::kBlockDevice) {
      node.major = header.rmajor;
      node.minor = header.rminor;
    }
    if (node.type == NodeType::kFile) {
      if (data.size() > limit_ - used_) return Fail("cpio: more than {} bytes unpacked", limit_);
      used_ += data.size();
      Link(header, data, place, node);
    }
    return tree_.Put(place, std::move(node));
  }

  // Gives a file its content. Of files with one inode number, one entry carries the data, first or
  // last; all get it.
  void Link(const Header& header, std::string_view data, const std::string& place, Node& node) {
    if (!data.empty()) node.content = Content(std::string(data));
    if (header.links < 2) return;
    Group& group = links_[{header.inode, header.major, header.minor}];
    if (!data.empty()) {
      group.content = node.content;
      for (const std::string& earlier : group.paths) {
        if (Node* other = tree_.Find(earlier); other && other->type == NodeType::kFile) {
          other->content = group.content;
        }
      }
    }
    node.content = group.content;
    group.paths.push_back(place);
  }

  struct Key {
    std::uint32_t inode, major, minor;
    auto operator<=>(const Key&) const = default;
  };
  struct Group {
    Content content;
    std::vector<std::string> paths;
  };

  std::uint64_t limit_;
  std::uint64_t used_ = 0;
  Tree tree_;
  std::map<Key, Group> links_;
};

}  // namespace

bool LooksLikeCpio(std::string_view bytes) {
  return bytes.starts_with("070701") || bytes.starts_with("070702");
}

Result<Tree> ReadCpio(std::string_view bytes, std::uint64_t limit) {
  Reader reader(limit);
  INRO_TRY(reader.Segments(bytes, 0));
  return reader.Take();
}

}  // namespace inro::image
