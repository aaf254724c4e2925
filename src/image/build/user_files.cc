#include "image/build/user_files.h"

#include <sys/stat.h>

#include "image/finish/finish.h"
#include "image/source/directory.h"
#include "sys/file.h"

namespace inro::image {
namespace {

constexpr std::string_view kUnitFolder = "etc/systemd/system";

std::string BaseName(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

std::unexpected<Error> At(const Definition& definition, const FileSettings& entry,
                          const Error& cause) {
  return std::unexpected(Error::InFile(definition.file, entry.line,
                                       fmt::format("files: {}: {}", entry.path, cause.ToString())));
}

struct Owner {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

Result<Owner> FindOwner(const FileSettings& entry, Owners owners, const Tree& tree) {
  if (owners == Owners::kRoot) return Owner{};
  INRO_ASSIGN(const std::uint32_t uid, LookUpUser(tree, entry.user));
  INRO_ASSIGN(const std::uint32_t gid, LookUpGroup(tree, entry.group));
  return Owner{uid, gid};
}

// A file's node: content, mode and owner as the entry says.
Result<Node> MakeNode(const FileSettings& entry, Owner owner) {
  Node node;
  node.mode = entry.mode;
  node.uid = owner.uid;
  node.gid = owner.gid;
  node.origin = fmt::format("definition line {}", entry.line);
  if (entry.content) {
    node.content = Content(*entry.content);
    return node;
  }
  struct stat status;
  if (::stat(entry.source.c_str(), &status) != 0) return FailErrno("read {}", entry.source);
  INRO_ASSIGN(std::string bytes, sys::ReadFile(entry.source));
  if (!entry.mode_given && (status.st_mode & S_IXUSR) != 0) node.mode = 0755;
  node.content = Content(std::move(bytes));
  return node;
}

// Lays a folder of the host over the tree. Modes of files on the host depend on the user's umask,
// so only the execute bit counts.
Result<> AddFolder(const FileSettings& entry, Owner owner, const std::string& base, Tree& tree) {
  SilentProgress silent;
  INRO_ASSIGN(const SourceTree folder, ImportDirectory(entry.source, silent));
  for (const auto& [path, found] : folder.tree.nodes()) {
    const std::string target = path.empty() ? base : fmt::format("{}/{}", base, path);
    const Node* present = tree.Find(target);
    if (found.type == NodeType::kDirectory && present != nullptr &&
        present->type == NodeType::kDirectory) {
      continue;
    }
    Node node = found;
    node.uid = owner.uid;
    node.gid = owner.gid;
    node.origin = fmt::format("definition line {}", entry.line);
    if (node.type == NodeType::kFile) {
      node.mode = (found.mode & 0100) != 0 ? 0755 : 0644;
    } else if (node.type == NodeType::kDirectory) {
      node.mode = 0755;
    }
    INRO_TRY(tree.Put(tree.ResolveParents(target), std::move(node)));
  }
  return {};
}

Result<> AddEntry(const FileSettings& entry, Owners owners, Tree& tree) {
  INRO_ASSIGN(const Owner owner, FindOwner(entry, owners, tree));
  INRO_ASSIGN(const std::string clean, CleanPath(entry.path));
  const std::string path = tree.ResolveParents(clean);
  struct stat status;
  if (!entry.content && ::stat(entry.source.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
    return AddFolder(entry, owner, path, tree);
  }
  INRO_ASSIGN(Node node, MakeNode(entry, owner));
  return tree.Put(path, std::move(node));
}

}  // namespace

Result<> AddUserUnits(const Definition& definition, Tree& tree) {
  for (const std::string& source : definition.services.units) {
    INRO_ASSIGN(std::string text, sys::ReadFile(source));
    const std::string path = fmt::format("{}/{}", kUnitFolder, BaseName(source));
    INRO_TRY(tree.Put(tree.ResolveParents(path), MakeFile(std::move(text), 0644, "definition")));
  }
  return {};
}

std::vector<std::string> UserUnitNames(const Definition& definition) {
  std::vector<std::string> names;
  for (const std::string& source : definition.services.units) names.push_back(BaseName(source));
  return names;
}

Result<> AddUserFiles(const Definition& definition, Owners owners, Tree& tree) {
  for (const FileSettings& entry : definition.files) {
    if (auto added = AddEntry(entry, owners, tree); !added) {
      return At(definition, entry, added.error());
    }
  }
  return {};
}

}  // namespace inro::image
