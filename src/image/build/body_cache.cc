#include "image/build/body_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "image/tree/digest.h"
#include "sys/file.h"

namespace inro::image {
namespace {

constexpr std::size_t kDigestSize = 64;  // of the content, in hexadecimal, before it

}  // namespace

Result<std::string> BodyCache::Get(std::string_view key,
                                   const std::function<Result<std::string>()>& make) const {
  const std::string path = fmt::format("{}/{}", folder_, key);
  if (auto stored = sys::ReadFile(path); stored && stored->size() > kDigestSize) {
    const std::string_view bytes = std::string_view(*stored).substr(kDigestSize);
    if (Sha256Hex(bytes) == std::string_view(*stored).substr(0, kDigestSize)) {
      ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0);  // in use
      return std::string(bytes);
    }
  }
  INRO_ASSIGN(std::string bytes, make());
  if (sys::MakeDirectories(folder_)) {
    // Best effort: without the entry the next build only takes longer.
    if (sys::WriteFileAtomically(path, Sha256Hex(bytes) + bytes)) Trim();
  }
  return bytes;
}

void BodyCache::Trim() const {
  std::unique_ptr<DIR, decltype([](DIR* d) { ::closedir(d); })> folder(::opendir(folder_.c_str()));
  if (!folder) return;
  std::vector<std::pair<time_t, std::string>> entries;
  while (const dirent* entry = ::readdir(folder.get())) {
    struct stat status;
    const std::string path = folder_ + "/" + entry->d_name;
    if (::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
      entries.emplace_back(status.st_mtime, path);
    }
  }
  std::sort(entries.begin(), entries.end());
  for (std::size_t i = 0; i + kEntries < entries.size(); ++i) ::unlink(entries[i].second.c_str());
}

}  // namespace inro::image
