#include "sys/file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <utility>

namespace inro::sys {

Result<UniqueFd> Open(const std::string& path, int flags, unsigned mode) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  if (fd < 0) return FailErrno("open {}", path);
  return UniqueFd(fd);
}

Result<std::string> ReadFile(const std::string& path, std::size_t limit) {
  INRO_ASSIGN(const UniqueFd fd, Open(path, O_RDONLY));
  std::string content;
  struct stat info{};
  if (::fstat(fd.get(), &info) == 0 && info.st_size > 0) {
    if (static_cast<std::size_t>(info.st_size) > limit) {
      return Fail("read {}: larger than {} bytes", path, limit);
    }
    content.reserve(static_cast<std::size_t>(info.st_size));
  }
  char buffer[65536];
  while (true) {
    const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FailErrno("read {}", path);
    if (got == 0) return content;
    if (content.size() + static_cast<std::size_t>(got) > limit) {
      return Fail("read {}: larger than {} bytes", path, limit);
    }
    content.append(buffer, static_cast<std::size_t>(got));
  }
}

Result<> WriteAll(int fd, std::string_view bytes, std::string_view name) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return FailErrno("write {}", name);
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

Result<> WriteFile(const std::string& path, std::string_view bytes, unsigned mode) {
  INRO_ASSIGN(const UniqueFd fd, Open(path, O_WRONLY | O_CREAT | O_TRUNC, mode));
  return WriteAll(fd.get(), bytes, path);
}

Result<> WriteFileAtomically(const std::string& path, std::string_view bytes, unsigned mode) {
  std::string temporary = path + ".XXXXXX";
  UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) return FailErrno("create {}", temporary);
  auto written = WriteAll(fd.get(), bytes, temporary);
  if (written && ::fchmod(fd.get(), mode) != 0) written = FailErrno("chmod {}", temporary);
  if (written && ::fsync(fd.get()) != 0) written = FailErrno("sync {}", temporary);
  if (written && ::rename(temporary.c_str(), path.c_str()) != 0) {
    written = FailErrno("rename {} to {}", temporary, path);
  }
  if (!written) ::unlink(temporary.c_str());
  return written;
}

Result<> MakeDirectories(const std::string& path, unsigned mode) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (!part.empty() && ::mkdir(part.c_str(), mode) != 0 && errno != EEXIST) {
      return FailErrno("make folder {}", part);
    }
    if (end == std::string::npos) return {};
  }
}

bool Exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

Result<> RemoveAll(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) return Fail("remove {}: {}", path, error.message());
  return {};
}

Result<TempDir> TempDir::Create(std::string_view prefix, std::string parent) {
  if (parent.empty()) {
    const char* variable = std::getenv("TMPDIR");
    parent = variable != nullptr && *variable != '\0' ? variable : "/tmp";
  }
  std::string path = fmt::format("{}/{}.XXXXXX", parent, prefix);
  if (::mkdtemp(path.data()) == nullptr) return FailErrno("make a folder below {}", parent);
  return TempDir(std::move(path));
}

TempDir& TempDir::operator=(TempDir&& other) noexcept {
  if (this != &other) std::swap(path_, other.path_);
  return *this;
}

TempDir::~TempDir() {
  if (!path_.empty()) (void)RemoveAll(path_);
}

}  // namespace inro::sys
