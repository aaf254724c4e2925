#include "image/tree/tree.h"

#include <vector>

#include "image/tree/digest.h"

namespace inro::image {
namespace {

constexpr int kMaxLinks = 40;  // as the kernel's MAXSYMLINKS

std::string_view Parent(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

// The components of a path in reverse order, so that the next one is at the back.
void PushComponents(std::string_view path, std::vector<std::string>& stack) {
  std::size_t end = path.size();
  while (end > 0) {
    std::size_t start = path.rfind('/', end - 1);
    start = start == std::string_view::npos ? 0 : start + 1;
    if (end > start) stack.emplace_back(path.substr(start, end - start));
    if (start == 0) break;
    end = start - 1;
  }
}

}  // namespace

Node MakeFile(std::string bytes, std::uint32_t mode, std::string origin) {
  Node node;
  node.mode = mode;
  node.content = Content(std::move(bytes));
  node.origin = std::move(origin);
  return node;
}

Node MakeDirectory(std::uint32_t mode, std::string origin) {
  Node node;
  node.type = NodeType::kDirectory;
  node.mode = mode;
  node.origin = std::move(origin);
  return node;
}

Node MakeSymlink(std::string target, std::string origin) {
  Node node;
  node.type = NodeType::kSymlink;
  node.mode = 0777;
  node.target = std::move(target);
  node.origin = std::move(origin);
  return node;
}

Node MakeDevice(NodeType type, std::uint32_t major, std::uint32_t minor, std::uint32_t mode,
                std::string origin) {
  Node node;
  node.type = type;
  node.mode = mode;
  node.major = major;
  node.minor = minor;
  node.origin = std::move(origin);
  return node;
}

Tree::Tree() { nodes_.emplace("", MakeDirectory()); }

Result<> Tree::Put(std::string_view path, Node node) {
  INRO_ASSIGN(const std::string clean, CleanPath(path));
  if (clean != path) return Fail("put {} into the tree: not a clean relative path", path);
  for (std::string_view parent = Parent(clean); !parent.empty(); parent = Parent(parent)) {
    const auto found = nodes_.find(parent);
    if (found == nodes_.end()) continue;
    if (found->second.type != NodeType::kDirectory) {
      return Fail("put {} into the tree: {} is not a directory", path, parent);
    }
    break;
  }
  if (node.type != NodeType::kDirectory) {
    const auto next = nodes_.lower_bound(clean + "/");
    if (clean.empty() || (next != nodes_.end() && next->first.starts_with(clean + "/"))) {
      return Fail("put {} into the tree: a directory that is not empty is there", path);
    }
  }
  for (std::string_view parent = Parent(clean); !parent.empty() && !nodes_.contains(parent);
       parent = Parent(parent)) {
    nodes_.emplace(parent, MakeDirectory());
  }
  node.mode &= 07777;
  nodes_.insert_or_assign(clean, std::move(node));
  return {};
}

bool Tree::Remove(std::string_view path) {
  const auto first = nodes_.find(path);
  if (first == nodes_.end() || path.empty()) return false;
  nodes_.erase(first);
  const std::string prefix = std::string(path) + "/";
  auto child = nodes_.lower_bound(prefix);
  while (child != nodes_.end() && child->first.starts_with(prefix)) child = nodes_.erase(child);
  return true;
}

const Node* Tree::Find(std::string_view path) const {
  const auto found = nodes_.find(path);
  return found == nodes_.end() ? nullptr : &found->second;
}

Node* Tree::Find(std::string_view path) {
  const auto found = nodes_.find(path);
  return found == nodes_.end() ? nullptr : &found->second;
}

Result<std::string> Tree::Resolve(std::string_view path, bool follow_last) const {
  std::vector<std::string> todo;
  PushComponents(path, todo);
  std::string at;
  int links = 0;
  while (!todo.empty()) {
    const std::string name = std::move(todo.back());
    todo.pop_back();
    if (name == ".") continue;
    if (name == "..") {
      at = Parent(at);
      continue;
    }
    const std::string next = at.empty() ? name : at + "/" + name;
    const Node* node = Find(next);
    if (node == nullptr) {
      return FailAs(ErrorKind::kNotFound, "resolve {} in the tree: {} is absent", path, next);
    }
    if (node->type == NodeType::kSymlink && (follow_last || !todo.empty())) {
      if (++links > kMaxLinks) return Fail("resolve {} in the tree: too many links", path);
      if (node->target.starts_with('/')) at.clear();
      PushComponents(node->target, todo);
      continue;
    }
    at = next;
  }
  return at;
}

Result<std::string_view> Tree::ReadFile(std::string_view path) const {
  INRO_ASSIGN(const std::string resolved, Resolve(path));
  const Node* node = Find(resolved);
  if (node->type != NodeType::kFile) return Fail("read {} in the tree: not a file", path);
  return node->content.view();
}

std::string Tree::ResolveParents(std::string_view path) const {
  while (path.starts_with('/')) path.remove_prefix(1);
  for (std::string_view head = Parent(path);; head = Parent(head)) {
    const std::string_view rest = head.empty() ? path : path.substr(head.size() + 1);
    if (auto resolved = Resolve(head)) {
      return resolved->empty() ? std::string(rest) : *resolved + "/" + std::string(rest);
    }
    if (head.empty()) return std::string(path);
  }
}

std::map<std::string, const Node*> Tree::Children(std::string_view directory) const {
  std::map<std::string, const Node*> children;
  const std::string prefix = directory.empty() ? "" : std::string(directory) + "/";
  for (auto at = nodes_.lower_bound(prefix); at != nodes_.end() && at->first.starts_with(prefix);
       ++at) {
    const std::string_view name = std::string_view(at->first).substr(prefix.size());
    if (!name.empty() && name.find('/') == std::string_view::npos) {
      children.emplace(name, &at->second);
    }
  }
  return children;
}

Result<> Tree::Merge(const Tree& other) {
  for (const auto& [path, node] : other.nodes_) {
    INRO_TRY(Put(path, node));
  }
  return {};
}

std::uint64_t Tree::TotalBytes() const {
  std::uint64_t total = 0;
  for (const auto& [path, node] : nodes_) total += node.content.size();
  return total;
}

std::string Tree::Digest() const {
  Sha256 hash;
  for (const auto& [path, node] : nodes_) {
    // Lengths keep neighbouring fields apart.
    hash.Update(fmt::format("{}:{} {} {:o} {} {} {}:{} {}:{} {}\n", path.size(), path,
                            static_cast<int>(node.type), node.mode, node.uid, node.gid, node.major,
                            node.minor, node.target.size(), node.target, node.content.size()));
    for (const auto& [name, value] : node.xattrs) {
      hash.Update(fmt::format("{}:{} {}:", name.size(), name, value.size()));
      hash.Update(value);
    }
    hash.Update(node.content.view());
  }
  return hash.FinishHex();
}

Result<std::string> CleanPath(std::string_view path) {
  std::string clean;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == ".." || part.find('\0') != std::string_view::npos) {
      return Fail("\"{}\" is not allowed in a path of the tree", part == ".." ? ".." : "NUL");
    }
    if (!clean.empty()) clean += '/';
    clean += part;
  }
  return clean;
}

}  // namespace inro::image
