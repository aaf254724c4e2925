// Whole-file reads and writes. All functions block; errors name the path.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace inro::sys {

// Opens with O_CLOEXEC. `flags` as for open(2).
Result<UniqueFd> Open(const std::string& path, int flags, unsigned mode = 0644);

// The whole content; works for /proc and /sys too. A file over `limit` bytes is an error.
Result<std::string> ReadFile(const std::string& path, std::size_t limit = std::size_t{1} << 31);

// Writes all bytes to a descriptor, retrying short writes and EINTR.
Result<> WriteAll(int fd, std::string_view bytes, std::string_view name);

// Truncates or creates `path` and writes `bytes`.
Result<> WriteFile(const std::string& path, std::string_view bytes, unsigned mode = 0644);

// Writes beside `path`, syncs, and renames: the file appears whole or not at all.
Result<> WriteFileAtomically(const std::string& path, std::string_view bytes, unsigned mode = 0644);

// mkdir -p.
Result<> MakeDirectories(const std::string& path, unsigned mode = 0755);

bool Exists(const std::string& path);

// Removes a file or a whole tree; absence is not an error.
Result<> RemoveAll(const std::string& path);

// A new folder that is removed with its contents when the owner goes away.
class TempDir {
 public:
  // Below `parent`, or $TMPDIR or /tmp when empty.
  static Result<TempDir> Create(std::string_view prefix, std::string parent = "");
  TempDir(TempDir&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
  TempDir& operator=(TempDir&& other) noexcept;
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();
  const std::string& path() const { return path_; }

 private:
  explicit TempDir(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace inro::sys
