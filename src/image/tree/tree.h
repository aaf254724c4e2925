// The root file system tree: what a guest's root holds, in memory, sorted by path. Sources make it,
// finishing rules change it, writers turn it into a cpio, ext4 or EROFS.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace inro::image {

// Immutable bytes of a file, shared between nodes and trees.
class Content {
 public:
  Content() = default;
  explicit Content(std::string bytes)
      : bytes_(std::make_shared<const std::string>(std::move(bytes))) {}
  std::string_view view() const { return bytes_ ? std::string_view(*bytes_) : std::string_view(); }
  std::size_t size() const { return view().size(); }

 private:
  std::shared_ptr<const std::string> bytes_;
};

enum class NodeType { kFile, kDirectory, kSymlink, kCharDevice, kBlockDevice, kFifo };

// One entry. Time stamps are not part of a tree: a writer gives every entry the same one, so that
// artifacts do not depend on when they were made. Hard links are separate nodes that share Content.
struct Node {
  NodeType type = NodeType::kFile;
  std::uint32_t mode = 0644;  // permission, setuid, setgid and sticky bits only (07777)
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  Content content;          // files
  std::string target;       // symbolic links
  std::uint32_t major = 0;  // devices
  std::uint32_t minor = 0;
  std::map<std::string, std::string> xattrs;  // full names ("security.capability"), raw values
  std::string origin;                         // package, rule or definition line it came from
};

Node MakeFile(std::string bytes, std::uint32_t mode = 0644, std::string origin = "");
Node MakeDirectory(std::uint32_t mode = 0755, std::string origin = "");
Node MakeSymlink(std::string target, std::string origin = "");
Node MakeDevice(NodeType type, std::uint32_t major, std::uint32_t minor, std::uint32_t mode,
                std::string origin = "");

// Paths are relative and clean: "usr/bin/true"; the root itself is "" and always there. Invariants:
// every parent of a node is a directory in the tree; a parent sorts before its children.
class Tree {
 public:
  using Map = std::map<std::string, Node, std::less<>>;

  Tree();

  const Map& nodes() const { return nodes_; }

  // Adds or replaces; missing parents become 0755 root directories. An error when the path is not
  // clean, a parent is not a directory, or a directory with children would become something else.
  // Does not follow symbolic links in the tree (see Resolve).
  Result<> Put(std::string_view path, Node node);
  // Removes the node and everything below it. False when absent.
  bool Remove(std::string_view path);

  // The node at exactly this path; nullptr when absent. Pointers stay valid until it is removed.
  const Node* Find(std::string_view path) const;
  Node* Find(std::string_view path);
  bool Contains(std::string_view path) const { return Find(path) != nullptr; }

  // Follows symbolic links (in parents and, with `follow_last`, at the end) inside the tree.
  // Accepts a leading "/". An error when something is absent or links loop (40 levels).
  Result<std::string> Resolve(std::string_view path, bool follow_last = true) const;
  // Resolves and returns the bytes of a regular file.
  Result<std::string_view> ReadFile(std::string_view path) const;
  // Follows links in the parents of `path` as far as they exist: where a file put at `path` by a
  // program in the guest would really lie.
  std::string ResolveParents(std::string_view path) const;

  // Direct children of a directory, in order: name -> node.
  std::map<std::string, const Node*> Children(std::string_view directory) const;

  // Lays `other` over this tree: its nodes replace, directories merge (metadata of `other` wins).
  Result<> Merge(const Tree& other);

  // Sum of file sizes.
  std::uint64_t TotalBytes() const;
  // SHA-256 (hex) over all paths, metadata and content.
  std::string Digest() const;

 private:
  Map nodes_;
};

// "/usr//bin/./x" -> "usr/bin/x". An error on ".." or an embedded NUL.
Result<std::string> CleanPath(std::string_view path);

}  // namespace inro::image
