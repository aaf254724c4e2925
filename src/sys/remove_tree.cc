#include "sys/remove_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "base/unique_fd.h"
#include "sys/directory.h"

namespace inro::sys {
namespace {

constexpr int kDepthLimit = 256;  // bounds the stack

Result<> RemoveBelow(const std::string& path, dev_t device, int depth) {
  if (depth > kDepthLimit) return Fail("{} is nested too deep", path);
  INRO_ASSIGN(const std::vector<std::string> names, ListDirectory(path));
  for (const std::string& name : names) {
    const std::string child = path + "/" + name;
    struct stat status{};
    if (::lstat(child.c_str(), &status) != 0) {
      if (errno == ENOENT) continue;
      return FailErrno("stat {}", child);
    }
    if (status.st_dev != device) return Fail("{} is mounted", child);
    const bool folder = S_ISDIR(status.st_mode);
    if (folder) INRO_TRY(RemoveBelow(child, device, depth + 1));
    if (::unlinkat(AT_FDCWD, child.c_str(), folder ? AT_REMOVEDIR : 0) != 0 && errno != ENOENT) {
      return FailErrno("remove {}", child);
    }
  }
  return {};
}

}  // namespace

Result<> RemoveTree(const std::string& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};
    return FailErrno("stat {}", path);
  }
  if (!S_ISDIR(status.st_mode)) return Fail("{} is not a folder", path);
  INRO_TRY(RemoveBelow(path, status.st_dev, 0));
  if (::rmdir(path.c_str()) != 0) return FailErrno("remove {}", path);
  return {};
}

}  // namespace inro::sys
