#include "image/source/package_cache.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "image/tree/digest.h"
#include "sys/file.h"

namespace inro::image {
namespace {

// Changes with what RepackDeb writes.
constexpr std::string_view kFastSuffix = ".fast.deb";

// Whole or absent, but not synced: a cache file that a power failure spoils is found by its
// checksum and made anew.
Result<> WriteByRename(const std::string& path, std::string_view bytes) {
  std::string temporary = path + ".XXXXXX";
  UniqueFd fd(mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) return FailErrno("create {}", temporary);
  auto written = sys::WriteAll(fd.get(), bytes, temporary);
  if (written && rename(temporary.c_str(), path.c_str()) != 0) {
    written = FailErrno("rename {} to {}", temporary, path);
  }
  if (!written) unlink(temporary.c_str());
  return written;
}

}  // namespace

std::string PackageCache::Path(const Package& package, std::string_view suffix) const {
  return fmt::format("{}/{}/{}{}", folder_, package.sha256.substr(0, 2), package.sha256, suffix);
}

std::string PackageCache::DebPath(const Package& package) const { return Path(package, ".deb"); }

bool PackageCache::Contains(const Package& package) const {
  return sys::Exists(Path(package, kFastSuffix)) || sys::Exists(DebPath(package));
}

Result<Deb> PackageCache::Read(const Package& package) const {
  const std::string name = package.name + " " + package.version;
  const std::string fast = Path(package, kFastSuffix);
  if (const auto bytes = sys::ReadFile(fast)) {
    if (auto deb = ReadDeb(*bytes, name)) return deb;
    unlink(fast.c_str());
  }
  const std::string path = DebPath(package);
  INRO_ASSIGN(const std::string bytes, sys::ReadFile(path));
  if (Sha256Hex(bytes) != package.sha256) {
    unlink(path.c_str());
    return FailAs(ErrorKind::kNotFound, "{}: the cached {} is corrupt", name, path);
  }
  INRO_ASSIGN(const std::string repacked, RepackDeb(bytes, name));
  INRO_ASSIGN(Deb deb, ReadDeb(repacked, name));
  // A full disk only costs time at the next build.
  static_cast<void>(WriteByRename(fast, repacked));
  return deb;
}

Result<> PackageCache::Adopt(const Package& package, const std::string& file) const {
  const std::string path = DebPath(package);
  INRO_TRY(sys::MakeDirectories(path.substr(0, path.rfind('/'))));
  if (rename(file.c_str(), path.c_str()) != 0) return FailErrno("rename {} to {}", file, path);
  return {};
}

}  // namespace inro::image
