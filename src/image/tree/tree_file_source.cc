#include "image/tree/tree_file_source.h"

namespace inro::image {

sys::FileSource::Type TreeFileSource::TypeOf(const std::string& path) const {
  const auto resolved = tree_.Resolve(path, false);
  const Node* node = resolved ? tree_.Find(*resolved) : nullptr;
  if (node == nullptr) return Type::kAbsent;
  switch (node->type) {
    case NodeType::kFile:
      return Type::kFile;
    case NodeType::kDirectory:
      return Type::kDirectory;
    case NodeType::kSymlink:
      return Type::kSymlink;
    default:
      return Type::kOther;
  }
}

Result<std::string> TreeFileSource::ReadLink(const std::string& path) const {
  INRO_ASSIGN(const std::string resolved, tree_.Resolve(path, false));
  const Node* node = tree_.Find(resolved);
  if (node == nullptr || node->type != NodeType::kSymlink) return Fail("{} is no link", path);
  return node->target;
}

Result<std::string> TreeFileSource::Read(const std::string& path, std::size_t limit) const {
  INRO_ASSIGN(const std::string_view bytes, tree_.ReadFile(path));
  if (bytes.size() > limit) return Fail("{} has more than {} bytes", path, limit);
  return std::string(bytes);
}

std::vector<std::string> TreeFileSource::List(const std::string& path) const {
  std::vector<std::string> names;
  const auto resolved = tree_.Resolve(path);
  if (!resolved) return names;
  for (const auto& [name, node] : tree_.Children(*resolved)) names.push_back(name);
  return names;
}

}  // namespace inro::image
