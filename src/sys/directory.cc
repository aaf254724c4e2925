#include "sys/directory.h"

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace inro::sys {

Result<std::vector<std::string>> ListDirectory(const std::string& path) {
  struct Closer {
    void operator()(DIR* folder) const { ::closedir(folder); }
  };
  const std::unique_ptr<DIR, Closer> folder(::opendir(path.c_str()));
  if (!folder) return FailErrno("list {}", path);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(folder.get())) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
  }
  if (errno != 0) return FailErrno("list {}", path);
  std::ranges::sort(names);
  return names;
}

}  // namespace inro::sys
