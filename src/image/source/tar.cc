#include "image/source/tar.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "image/source/archive_entries.h"
#include "image/source/dpkg_status.h"
#include "sys/file.h"

namespace inro::image {

Result<SourceTree> ImportTar(const std::string& path, Progress& progress) {
  progress.Step(fmt::format("read {}", path));
  auto fd = sys::Open(path, O_RDONLY);
  struct stat status{};
  if (fd && fstat(fd->get(), &status) != 0) fd = FailErrno("stat {}", path);
  if (!fd) {
    if (fd.error().kind() != ErrorKind::kNotFound) return std::unexpected(fd.error());
    return FailAs(ErrorKind::kBadInput, "there is no file {}", path);
  }
  if (S_ISDIR(status.st_mode)) {
    return FailAs(ErrorKind::kBadInput, "{} is a folder; that is source kind directory", path);
  }
  SourceTree source;
  const auto total = static_cast<std::uint64_t>(status.st_size);
  INRO_TRY(ReadTarFile(
      fd->get(), path,
      [&](ArchiveEntry entry) -> Result<> {
        entry.node.origin = "tar";
        return PutEntry(source.tree, std::move(entry), path);
      },
      [&](std::uint64_t done) { progress.Update(done, total, "B"); }));
  if (source.tree.nodes().size() < 2) return Fail("{}: the archive is empty", path);
  source.packages = InstalledPackages(source.tree);
  return source;
}

}  // namespace inro::image
