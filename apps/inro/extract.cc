#include "extract.h"

#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "sys/file.h"

namespace inro::cli {
namespace {

constexpr std::uint32_t kPermissions = 0777;

Result<> WriteNode(const image::Node& node, const std::string& path, std::uint64_t& left_out) {
  switch (node.type) {
    case image::NodeType::kDirectory:
      if (::mkdir(path.c_str(), 0700) != 0) return FailErrno("make {}", path);
      return {};
    case image::NodeType::kFile:
      INRO_TRY(sys::WriteFile(path, node.content.view()));
      if (::chmod(path.c_str(), node.mode & kPermissions) != 0) return FailErrno("chmod {}", path);
      return {};
    case image::NodeType::kSymlink:
      if (::symlink(node.target.c_str(), path.c_str()) != 0) return FailErrno("link {}", path);
      return {};
    default:
      ++left_out;
      return {};
  }
}

}  // namespace

Result<> ExtractTree(const image::Tree& tree, std::string_view top, const std::string& folder,
                     Progress& progress) {
  if (sys::Exists(folder)) {
    return FailAs(ErrorKind::kBadInput, "{} exists already: name a new folder", folder);
  }
  const image::Node* first = tree.Find(top);
  if (first == nullptr) return FailAs(ErrorKind::kBadInput, "there is no /{}", top);
  if (first->type != image::NodeType::kDirectory) {
    // One file: the folder holds it under its own name.
    if (::mkdir(folder.c_str(), 0755) != 0) return FailErrno("make {}", folder);
    std::uint64_t left_out = 0;
    return WriteNode(*first, fmt::format("{}/{}", folder, top.substr(top.rfind('/') + 1)),
                     left_out);
  }
  std::uint64_t left_out = 0;
  std::vector<std::pair<std::string, std::uint32_t>> folders;
  const std::string prefix = top.empty() ? "" : std::string(top) + "/";
  for (const auto& [path, node] : tree.nodes()) {
    if (path != top && !path.starts_with(prefix)) continue;
    const std::string target =
        path == top ? folder : fmt::format("{}/{}", folder, path.substr(prefix.size()));
    INRO_TRY(WriteNode(node, target, left_out));
    if (node.type == image::NodeType::kDirectory) folders.emplace_back(target, node.mode);
  }
  // Modes of folders last, the deepest first: one may forbid writing.
  for (auto row = folders.rbegin(); row != folders.rend(); ++row) {
    ::chmod(row->first.c_str(), row->second & kPermissions);
  }
  if (left_out > 0) progress.Note(fmt::format("{} device nodes were left out", left_out));
  return {};
}

}  // namespace inro::cli
