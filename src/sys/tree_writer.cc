#include "sys/tree_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "sys/tree_path.h"

namespace inro::sys {
namespace {

constexpr std::size_t kHalvesLimit = 256;

Result<> WriteAt(int fd, std::uint64_t offset, std::string_view data) {
  while (!data.empty()) {
    const ssize_t written = ::pwrite(fd, data.data(), data.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FailErrno("write");
    data.remove_prefix(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return {};
}

std::array<timespec, 2> TimesOf(const TreeEntry& entry) {
  const timespec modified{entry.mtime_sec, static_cast<long>(entry.mtime_nsec % 1'000'000'000)};
  return {modified, modified};
}

void SetAttributes(int fd, const TreeEntry& entry) {
  // A file system that has none, or not these, is no reason to lose the file.
  for (std::size_t i = 0; i + 1 < entry.attributes.size(); i += 2) {
    ::fsetxattr(fd, entry.attributes[i].c_str(), entry.attributes[i + 1].data(),
                entry.attributes[i + 1].size(), 0);
  }
}

}  // namespace

// Closed and removed unless it was renamed.
struct TreeWriter::Half {
  UniqueFd folder;
  UniqueFd file;
  std::string temporary;
  ~Half() {
    if (!temporary.empty()) ::unlinkat(folder.get(), temporary.c_str(), 0);
  }
};

TreeWriter::TreeWriter(UniqueFd parent, std::string name, const Options& options)
    : parent_(std::move(parent)), name_(std::move(name)), options_(options) {}
TreeWriter::~TreeWriter() = default;

Result<std::unique_ptr<TreeWriter>> TreeWriter::Begin(const std::string& path,
                                                      const Options& options) {
  std::string_view trimmed = path;
  while (trimmed.size() > 1 && trimmed.ends_with('/')) trimmed.remove_suffix(1);
  const std::size_t slash = trimmed.rfind('/');
  std::string parent(slash == 0 ? "/" : trimmed.substr(0, std::min(slash, trimmed.size())));
  std::string name(trimmed.substr(slash == trimmed.npos ? 0 : slash + 1));
  if (slash == trimmed.npos) parent = ".";
  // "/", "." and "..": the folder itself is filled up.
  if (name.empty() || name == "." || name == "..") {
    parent = trimmed;
    name.clear();
  }
  UniqueFd folder(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return FailErrno("open the folder {}", parent);
  // The root itself may be a link to a folder: whoever names it means what it leads to.
  struct stat info{};
  if (!name.empty() && ::fstatat(folder.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
      S_ISLNK(info.st_mode)) {
    UniqueFd target(::openat(folder.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (target) {
      folder = std::move(target);
      name.clear();
    }
  }
  return std::unique_ptr<TreeWriter>(new TreeWriter(std::move(folder), std::move(name), options));
}

Result<TreeWriter::Place> TreeWriter::PlaceOf(std::string_view path) {
  INRO_TRY(CheckTreePath(path));
  std::string whole = name_;
  if (!path.empty()) whole = name_.empty() ? std::string(path) : fmt::format("{}/{}", name_, path);
  const auto [parent, name] = SplitTreePath(whole);
  INRO_ASSIGN(UniqueFd folder, OpenFolderBelow(parent_.get(), parent));
  return Place{std::move(folder), std::string(name)};
}

std::string TreeWriter::TemporaryName() {
  const std::lock_guard lock(mutex_);
  return fmt::format(".inro-cp.{}.{}", ::getpid(), next_temporary_++);
}

Result<std::shared_ptr<TreeWriter::Half>> TreeWriter::HalfOf(const std::string& path) {
  {
    const std::lock_guard lock(mutex_);
    const auto known = halves_.find(path);
    if (known != halves_.end()) return known->second;
    if (halves_.size() >= kHalvesLimit) return Fail("too many files are half written");
  }
  auto half = std::make_shared<Half>();
  INRO_ASSIGN(Place place, PlaceOf(path));
  if (place.name.empty()) return Fail("a folder cannot be replaced by a file");
  while (true) {
    std::string temporary = TemporaryName();
    half->file = UniqueFd(::openat(place.folder.get(), temporary.c_str(),
                                   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (half->file) {
      half->temporary = std::move(temporary);
      break;
    }
    // One that an earlier process with this number has left.
    if (errno != EEXIST) return FailErrno("create a file beside {}", place.name);
  }
  half->folder = std::move(place.folder);
  const std::lock_guard lock(mutex_);
  // Another thread may have been faster; its file is the one then, and this one goes.
  return halves_.try_emplace(path, std::move(half)).first->second;
}

Result<> TreeWriter::Write(const std::string& path, std::uint64_t offset, std::string_view data) {
  INRO_ASSIGN(const std::shared_ptr<Half> half, HalfOf(path));
  auto written = WriteAt(half->file.get(), offset, data);
  if (!written) return std::unexpected(written.error().Wrap(path));
  return {};
}

std::uint32_t TreeWriter::ModeOf(const TreeEntry& entry) const {
  // Set-id bits mean something only together with the owner. The sticky bit of folders stays.
  return entry.mode & (options_.keep_owners ? 07777u : 01777u);
}

Result<> TreeWriter::SetOwner(int fd, const TreeEntry& entry) const {
  if (!options_.keep_owners) return {};
  // As an ordinary user nothing can be given away; what is one's own already needs nothing.
  if (::fchown(fd, entry.uid, entry.gid) != 0 && ::geteuid() == 0) {
    return FailErrno("give {} to {}:{}", entry.path, entry.uid, entry.gid);
  }
  SetAttributes(fd, entry);
  return {};
}

Result<> TreeWriter::PutFile(const TreeEntry& entry) {
  INRO_ASSIGN(const std::shared_ptr<Half> half, HalfOf(entry.path));
  const int fd = half->file.get();
  if (entry.whole) INRO_TRY(WriteAt(fd, 0, entry.content));
  if (::ftruncate(fd, static_cast<off_t>(entry.size)) != 0) return FailErrno("set the size");
  INRO_TRY(SetOwner(fd, entry));
  if (::fchmod(fd, ModeOf(entry)) != 0) return FailErrno("set the mode");
  ::futimens(fd, TimesOf(entry).data());
  INRO_ASSIGN(const Place place, PlaceOf(entry.path));
  if (::renameat(half->folder.get(), half->temporary.c_str(), place.folder.get(),
                 place.name.c_str()) != 0) {
    return FailErrno("put the file into its place");
  }
  half->temporary.clear();
  const std::lock_guard lock(mutex_);
  halves_.erase(entry.path);
  return {};
}

Result<> TreeWriter::PutLink(const TreeEntry& entry) {
  INRO_ASSIGN(const Place place, PlaceOf(entry.path));
  const std::string temporary = TemporaryName();
  const int folder = place.folder.get();
  if (!entry.same_as.empty()) {
    INRO_ASSIGN(const Place other, PlaceOf(entry.same_as));
    if (::linkat(other.folder.get(), other.name.c_str(), folder, temporary.c_str(), 0) != 0) {
      return FailErrno("link to {}", entry.same_as);
    }
  } else {
    if (::symlinkat(entry.link.c_str(), folder, temporary.c_str()) != 0) {
      return FailErrno("make a symbolic link");
    }
    if (options_.keep_owners && ::geteuid() == 0) {
      (void)::fchownat(folder, temporary.c_str(), entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW);
    }
    ::utimensat(folder, temporary.c_str(), TimesOf(entry).data(), AT_SYMLINK_NOFOLLOW);
  }
  const int renamed = ::renameat(folder, temporary.c_str(), folder, place.name.c_str());
  const int error = errno;
  // A rename between two names of one file does nothing and leaves both.
  ::unlinkat(folder, temporary.c_str(), 0);
  errno = error;
  if (renamed != 0) return FailErrno("put the link into its place");
  return {};
}

Result<> TreeWriter::PutFolder(const TreeEntry& entry) {
  INRO_ASSIGN(const Place place, PlaceOf(entry.path));
  if (place.name.empty()) return {};  // the root, which is there
  if (::mkdirat(place.folder.get(), place.name.c_str(), 0700) == 0) return {};
  if (errno != EEXIST) return FailErrno("make the folder");
  struct stat info{};
  if (::fstatat(place.folder.get(), place.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return FailErrno("look at the folder");
  }
  if (!S_ISDIR(info.st_mode)) return Fail("something that is no folder is in its place");
  return {};
}

Result<> TreeWriter::PutNode(const TreeEntry& entry) {
  const bool device =
      entry.type == TreeEntryType::kCharacterDevice || entry.type == TreeEntryType::kBlockDevice;
  if (device && !options_.devices) return Fail("a device node: say --archive to copy it as one");
  if (entry.type == TreeEntryType::kSocket) return {};  // nobody listens at the copy
  const mode_t type = entry.type == TreeEntryType::kFifo              ? S_IFIFO
                      : entry.type == TreeEntryType::kCharacterDevice ? S_IFCHR
                                                                      : S_IFBLK;
  INRO_ASSIGN(const Place place, PlaceOf(entry.path));
  const std::string temporary = TemporaryName();
  const int folder = place.folder.get();
  if (::mknodat(folder, temporary.c_str(), type | 0600, ::makedev(entry.major, entry.minor)) != 0) {
    return FailErrno("make the node");
  }
  if (options_.keep_owners && ::geteuid() == 0) {
    (void)::fchownat(folder, temporary.c_str(), entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW);
  }
  ::fchmodat(folder, temporary.c_str(), ModeOf(entry), 0);
  ::utimensat(folder, temporary.c_str(), TimesOf(entry).data(), AT_SYMLINK_NOFOLLOW);
  if (::renameat(folder, temporary.c_str(), folder, place.name.c_str()) != 0) {
    const auto failed = FailErrno("put the node into its place");
    ::unlinkat(folder, temporary.c_str(), 0);
    return failed;
  }
  return {};
}

Result<> TreeWriter::Put(const TreeEntry& entry) {
  const auto put = [&]() -> Result<> {
    if (!entry.same_as.empty() || entry.type == TreeEntryType::kSymlink) return PutLink(entry);
    switch (entry.type) {
      case TreeEntryType::kFile:
        return PutFile(entry);
      case TreeEntryType::kDirectory:
        return PutFolder(entry);
      case TreeEntryType::kUnset:
        return Fail("an entry of an unknown type");
      default:
        return PutNode(entry);
    }
  };
  auto done = put();
  if (!done && !entry.path.empty()) return std::unexpected(done.error().Wrap(entry.path));
  return done;
}

Result<> TreeWriter::FinishFolder(const TreeEntry& entry) {
  INRO_ASSIGN(const Place place, PlaceOf(entry.path));
  // The root that was there before stays as it is.
  if (place.name.empty()) return {};
  INRO_ASSIGN(const UniqueFd folder, OpenFolderBelow(place.folder.get(), place.name));
  INRO_TRY(SetOwner(folder.get(), entry));
  if (::fchmod(folder.get(), ModeOf(entry)) != 0)
    return FailErrno("set the mode of {}", entry.path);
  ::futimens(folder.get(), TimesOf(entry).data());
  return {};
}

}  // namespace inro::sys
