#include "sys/file_source.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <string_view>

#include "base/scope_guard.h"
#include "base/unique_fd.h"

namespace inro::sys {

FileSource::Type DiskFileSource::TypeOf(const std::string& path) const {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return Type::kAbsent;
  if (S_ISREG(info.st_mode)) return Type::kFile;
  if (S_ISDIR(info.st_mode)) return Type::kDirectory;
  if (S_ISLNK(info.st_mode)) return Type::kSymlink;
  return Type::kOther;
}

Result<std::string> DiskFileSource::ReadLink(const std::string& path) const {
  char target[PATH_MAX];
  const ssize_t size = ::readlink(path.c_str(), target, sizeof target);
  if (size < 0) return FailErrno("read link {}", path);
  return std::string(target, static_cast<std::size_t>(size));
}

Result<std::string> DiskFileSource::Read(const std::string& path, std::size_t limit) const {
  // O_NONBLOCK: opening a FIFO must not wait for a writer.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return FailErrno("open {}", path);
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return FailErrno("stat {}", path);
  if (!S_ISREG(info.st_mode)) return Fail("{} is not a regular file", path);
  std::string content;
  char buffer[4096];
  while (true) {
    const ssize_t size = ::read(fd.get(), buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return FailErrno("read {}", path);
    if (size == 0) return content;
    content.append(buffer, static_cast<std::size_t>(size));
    if (content.size() > limit) {
      return std::unexpected(Error::InFile(path, 0, fmt::format("over {} bytes", limit)));
    }
  }
}

std::vector<std::string> DiskFileSource::List(const std::string& path) const {
  std::vector<std::string> names;
  DIR* directory = ::opendir(path.c_str());
  if (directory == nullptr) return names;
  const ScopeGuard close([&] { ::closedir(directory); });
  while (const dirent* entry = ::readdir(directory)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace inro::sys
