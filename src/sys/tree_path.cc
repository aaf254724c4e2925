#include "sys/tree_path.h"

#include <fcntl.h>

#include <cerrno>

namespace inro::sys {

Result<> CheckTreePath(std::string_view path) {
  if (path.empty()) return {};
  if (path.size() >= 4096) return Fail("a path of {} bytes", path.size());
  if (path.find('\0') != path.npos) return Fail("a path with a zero byte");
  std::string_view rest = path;
  while (true) {
    const std::size_t slash = rest.find('/');
    const std::string_view name = rest.substr(0, slash);
    if (name.empty() || name == "." || name == "..") {
      return Fail("'{}' does not stay below its root", path);
    }
    if (slash == std::string_view::npos) return {};
    rest.remove_prefix(slash + 1);
  }
}

std::pair<std::string_view, std::string_view> SplitTreePath(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {{}, path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

Result<UniqueFd> OpenFolderBelow(int root, std::string_view path) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  UniqueFd folder(::fcntl(root, F_DUPFD_CLOEXEC, 3));
  if (!folder) return FailErrno("open the root of a tree");
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string name(path.substr(0, slash));
    UniqueFd next(::openat(folder.get(), name.c_str(), kFlags));
    if (!next && errno == ENOTDIR) return Fail("{} is no folder, or a symbolic link", name);
    if (!next) return FailErrno("open {}", name);
    folder = std::move(next);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return folder;
}

}  // namespace inro::sys
