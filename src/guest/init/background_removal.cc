#include "guest/init/background_removal.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "base/scope_guard.h"
#include "base/unique_fd.h"
#include "sys/remove_tree.h"

namespace inro::guest {
namespace {

constexpr int kMostAtOnce = 256;
constexpr int kMaxDepth = 64;

// False when the budget is used up.
bool RemoveWithin(int parent, const char* name, int& budget, int depth) {
  if (budget-- <= 0 || depth > kMaxDepth) return false;
  if (::unlinkat(parent, name, 0) == 0 || (errno != EISDIR && errno != EPERM)) return true;
  if (::unlinkat(parent, name, AT_REMOVEDIR) == 0) return true;
  DIR* const directory =
      ::fdopendir(::openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (directory == nullptr) return true;
  const ScopeGuard close([&] { ::closedir(directory); });
  while (const dirent* entry = ::readdir(directory)) {
    const std::string_view entry_name = entry->d_name;
    if (entry_name == "." || entry_name == "..") continue;
    if (!RemoveWithin(::dirfd(directory), entry->d_name, budget, depth + 1)) return false;
  }
  return ::unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

}  // namespace

void RemoveSoon(const std::string& path) {
  int budget = kMostAtOnce;
  if (RemoveWithin(AT_FDCWD, path.c_str(), budget, 0)) return;
  const std::string aside = path + ".removed-" + std::to_string(::getpid());
  const std::string& rest = ::rename(path.c_str(), aside.c_str()) == 0 ? aside : path;
  if (::fork() != 0) return;  // without a process for it, it stays until the next time
  static_cast<void>(sys::RemoveTree(rest));
  ::_exit(0);
}

}  // namespace inro::guest
