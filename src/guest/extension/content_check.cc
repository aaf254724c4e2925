#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include "guest/extension/mount_extension.h"
#include "sys/file.h"

namespace inro::guest::extension {
namespace {

constexpr std::size_t kPiece = 1 << 20;
constexpr std::size_t kAlignment = 4096;
constexpr int kDeepest = 64;

// Directories below `folder`, an open one. Nothing outside of it is entered: links are not
// followed.
Result<> ReadFolder(UniqueFd folder, const std::string& name, int depth) {
  if (depth == 0) return Fail("{}: folders are nested too deeply", name);
  const std::unique_ptr<DIR, int (*)(DIR*)> list(::fdopendir(folder.get()), &::closedir);
  if (!list) return FailErrno("list {}", name);
  const int fd = folder.release();  // the list closes it
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(list.get());
    if (entry == nullptr) break;
    const std::string_view entry_name = entry->d_name;
    if (entry_name == "." || entry_name == "..") continue;
    const std::string path = fmt::format("{}/{}", name, entry_name);
    struct stat status{};
    if (::fstatat(fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
      return FailErrno("read {}", path);
    }
    if (!S_ISDIR(status.st_mode)) continue;
    UniqueFd next(::openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next) return FailErrno("open {}", path);
    INRO_TRY(ReadFolder(std::move(next), path, depth - 1));
  }
  if (errno != 0) return FailErrno("list {}", name);
  return {};
}

}  // namespace

Result<> SystemContentCheck::ReadDevice(const std::string& node, std::uint64_t bytes) {
  INRO_ASSIGN(const UniqueFd file, sys::Open(node, O_RDONLY | O_DIRECT));
  const std::unique_ptr<void, void (*)(void*)> buffer(std::aligned_alloc(kAlignment, kPiece),
                                                      &std::free);
  if (!buffer) return Fail("no memory to read {}", node);
  std::uint64_t at = 0;
  while (at < bytes) {
    const std::size_t wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, bytes - at));
    const ssize_t got = ::pread(file.get(), buffer.get(), wanted, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FailErrno("read {} from byte {} on", node, at);
    if (got == 0) return Fail("{} ends at byte {}", node, at);
    at += static_cast<std::uint64_t>(got);
  }
  return {};
}

Result<> SystemContentCheck::ReadMetadata(const std::string& folder) {
  INRO_ASSIGN(UniqueFd root, sys::Open(folder, O_RDONLY | O_DIRECTORY));
  return ReadFolder(std::move(root), folder, kDeepest);
}

}  // namespace inro::guest::extension
