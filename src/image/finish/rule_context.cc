#include <algorithm>

#include "image/finish/rule.h"

namespace inro::image {

RuleContext::RuleContext(SourceTree& source, const FinishOptions& options, FinishReport& report)
    : source_(source), options_(options), report_(report) {}

void RuleContext::Enter(std::string_view rule_id) {
  rule_id_ = rule_id;
  changes_ = 0;
}

bool RuleContext::HasPackage(std::string_view name) const {
  return std::ranges::any_of(source_.packages, [&](const Package& p) { return p.name == name; });
}

std::string_view RuleContext::PackageVersion(std::string_view name) const {
  for (const Package& package : source_.packages) {
    if (package.name == name) return package.version;
  }
  return {};
}

Result<> RuleContext::Put(std::string_view path, Node node) {
  node.origin = "rule " + rule_id_;
  ++changes_;
  return tree().Put(tree().ResolveParents(path), std::move(node));
}

Result<> RuleContext::PutIfAbsent(std::string_view path, Node node) {
  if (tree().Contains(tree().ResolveParents(path))) return {};
  return Put(path, std::move(node));
}

Result<> RuleContext::PutDirectory(std::string_view path, std::uint32_t mode, std::uint32_t uid,
                                   std::uint32_t gid) {
  const std::string at = tree().ResolveParents(path);
  if (const Node* node = tree().Find(at); node != nullptr) {
    if (node->type == NodeType::kDirectory && node->mode == mode && node->uid == uid &&
        node->gid == gid) {
      return {};
    }
    if (node->type == NodeType::kSymlink) return {};  // leads to a directory elsewhere
  }
  Node node = MakeDirectory(mode);
  node.uid = uid;
  node.gid = gid;
  return Put(at, std::move(node));
}

Result<> RuleContext::SetOwner(std::string_view path, std::uint32_t uid, std::uint32_t gid) {
  INRO_ASSIGN(const std::string at, tree().Resolve(path));
  Node* node = tree().Find(at);
  if (node->uid != uid || node->gid != gid) ++changes_;
  node->uid = uid;
  node->gid = gid;
  return {};
}

Result<> RuleContext::SetMode(std::string_view path, std::uint32_t mode) {
  INRO_ASSIGN(const std::string at, tree().Resolve(path));
  Node* node = tree().Find(at);
  if (node->mode != mode) ++changes_;
  node->mode = mode;
  return {};
}

bool RuleContext::Remove(std::string_view path) {
  if (!tree().Remove(path)) return false;
  ++changes_;
  return true;
}

bool HasWord(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const std::size_t end = list.find(' ');
    if (list.substr(0, end) == word) return true;
    if (end == std::string_view::npos) return false;
    list.remove_prefix(end + 1);
  }
  return false;
}

}  // namespace inro::image
