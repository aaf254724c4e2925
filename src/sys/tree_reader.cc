#include "sys/tree_reader.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "sys/tree_path.h"

namespace inro::sys {
namespace {

constexpr std::size_t kOpenFiles = 8;
constexpr std::size_t kDepthLimit = 512;
constexpr std::size_t kLinkedLimit = 1 << 20;

TreeEntryType TypeOfMode(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return TreeEntryType::kFile;
    case S_IFDIR:
      return TreeEntryType::kDirectory;
    case S_IFLNK:
      return TreeEntryType::kSymlink;
    case S_IFIFO:
      return TreeEntryType::kFifo;
    case S_IFSOCK:
      return TreeEntryType::kSocket;
    case S_IFCHR:
      return TreeEntryType::kCharacterDevice;
    case S_IFBLK:
      return TreeEntryType::kBlockDevice;
    default:
      return TreeEntryType::kUnset;
  }
}

Result<std::vector<std::string>> ListFolder(int fd) {
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
  DIR* const stream = copy >= 0 ? ::fdopendir(copy) : nullptr;
  if (stream == nullptr) {
    const auto failed = FailErrno("list a folder");
    if (copy >= 0) ::close(copy);
    return failed;
  }
  std::vector<std::string> names;
  while (const dirent* item = ::readdir(stream)) {
    const std::string_view name = item->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  ::closedir(stream);
  std::ranges::sort(names, std::greater<>());
  return names;
}

Result<std::string> ReadAt(int fd, std::uint64_t offset, std::size_t length) {
  std::string bytes(length, '\0');
  std::size_t done = 0;
  while (done < length) {
    const ssize_t got =
        ::pread(fd, bytes.data() + done, length - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FailErrno("read");
    if (got == 0) return Fail("the file became shorter while it was being copied");
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

Result<std::string> ReadUpTo(int fd, std::size_t limit) {
  std::string bytes(limit, '\0');
  std::size_t done = 0;
  while (done < limit) {
    const ssize_t got = ::pread(fd, bytes.data() + done, limit - done, static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FailErrno("read");
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

// Where the file has data. One extent over all of it where the file system cannot tell.
std::vector<std::uint64_t> ExtentsOf(int fd, std::uint64_t size, std::size_t limit) {
  std::vector<std::uint64_t> extents;
  if (size == 0) return extents;
  off_t at = 0;
  while (true) {
    const off_t data = ::lseek(fd, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) return extents;  // a hole up to the end
    const off_t hole = data < 0 ? -1 : ::lseek(fd, data, SEEK_HOLE);
    if (hole <= data) return {0, size};
    const auto first = static_cast<std::uint64_t>(data);
    const auto end = std::min(static_cast<std::uint64_t>(hole), size);
    if (first >= size) return extents;
    if (extents.size() >= 2 * limit) {
      extents.back() = end - extents[extents.size() - 2];  // the hole before goes as data
    } else {
      extents.push_back(first);
      extents.push_back(end - first);
    }
    at = hole;
    if (static_cast<std::uint64_t>(hole) >= size) return extents;
  }
}

void ReadAttributes(int fd, TreeEntry& entry) {
  std::string names(4096, '\0');
  const ssize_t length = ::flistxattr(fd, names.data(), names.size());
  if (length <= 0) return;
  std::string_view rest(names.data(), static_cast<std::size_t>(length));
  while (!rest.empty()) {
    const std::string name(rest.substr(0, rest.find('\0')));
    rest.remove_prefix(std::min(name.size() + 1, rest.size()));
    std::string value(4096, '\0');
    const ssize_t got = ::fgetxattr(fd, name.c_str(), value.data(), value.size());
    if (got < 0) continue;
    value.resize(static_cast<std::size_t>(got));
    entry.attributes.push_back(name);
    entry.attributes.push_back(std::move(value));
  }
}

}  // namespace

// The files that were read last, so that a large one is opened once.
struct TreeReader::Files {
  struct Opened {
    std::string path;
    std::shared_ptr<UniqueFd> fd;
    dev_t device = 0;
    ino_t inode = 0;
  };
  std::mutex mutex;
  std::list<Opened> opened;  // the newest first
};

TreeReader::TreeReader(UniqueFd root, const Options& options)
    : root_(std::move(root)), options_(options), files_(std::make_unique<Files>()) {}
TreeReader::TreeReader(TreeReader&&) noexcept = default;
TreeReader::~TreeReader() = default;

Result<TreeReader> TreeReader::Open(const std::string& path, const Options& options) {
  // Not to wait for the other end of a FIFO, nor to wake a device.
  UniqueFd root(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!root) return FailErrno("open {}", path);
  struct stat info{};
  if (::fstat(root.get(), &info) != 0) return FailErrno("look at {}", path);
  if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) {
    return Fail("{} is neither a file nor a folder", path);
  }
  return TreeReader(std::move(root), options);
}

Result<> TreeReader::Fill(int fd, TreeEntry& entry) const {
  if (options_.attributes) ReadAttributes(fd, entry);
  if (entry.type != TreeEntryType::kFile || !entry.same_as.empty()) return {};
  if (entry.size <= options_.content_limit) {
    // Files of /proc and /sys hold more or less than they say.
    INRO_ASSIGN(entry.content, ReadUpTo(fd, entry.size == 0 ? options_.content_limit : entry.size));
    entry.size = entry.content.size();
    entry.whole = true;
    return {};
  }
  entry.extents = ExtentsOf(fd, entry.size, options_.extent_limit);
  return {};
}

// `name` empty: `folder` itself is meant. Folders and files are opened: what is described is what
// was opened. `opened` takes a folder's descriptor.
Result<TreeEntry> TreeReader::Describe(int folder, const std::string& name, std::string path,
                                       UniqueFd* opened) {
  UniqueFd fd;
  struct stat info{};
  if (name.empty()) {
    fd = UniqueFd(::fcntl(folder, F_DUPFD_CLOEXEC, 3));
    if (!fd || ::fstat(fd.get(), &info) != 0) return FailErrno("look at the root");
  } else {
    if (::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      return FailErrno("look at {}", path);
    }
    if (S_ISREG(info.st_mode) || S_ISDIR(info.st_mode)) {
      const int kind = S_ISDIR(info.st_mode) ? O_DIRECTORY : O_NONBLOCK;
      fd = UniqueFd(::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | kind));
      if (!fd || ::fstat(fd.get(), &info) != 0) return FailErrno("open {}", path);
    }
  }
  TreeEntry entry;
  entry.type = TypeOfMode(info.st_mode);
  entry.mode = info.st_mode & 07777;
  entry.uid = info.st_uid;
  entry.gid = info.st_gid;
  entry.mtime_sec = info.st_mtim.tv_sec;
  entry.mtime_nsec = static_cast<std::uint32_t>(info.st_mtim.tv_nsec);
  entry.device = info.st_dev;
  entry.inode = info.st_ino;
  entry.path = std::move(path);
  if (entry.type == TreeEntryType::kFile) entry.size = static_cast<std::uint64_t>(info.st_size);
  if (entry.type == TreeEntryType::kCharacterDevice || entry.type == TreeEntryType::kBlockDevice) {
    entry.major = ::major(info.st_rdev);
    entry.minor = ::minor(info.st_rdev);
  }
  if (entry.type == TreeEntryType::kSymlink) {
    std::string target(4096, '\0');
    const ssize_t length = ::readlinkat(folder, name.c_str(), target.data(), target.size());
    if (length < 0) return FailErrno("read the link {}", entry.path);
    target.resize(static_cast<std::size_t>(length));
    entry.link = std::move(target);
  }
  if (entry.type != TreeEntryType::kDirectory && info.st_nlink > 1 &&
      linked_.size() < kLinkedLimit) {
    const auto [known, added] = linked_.try_emplace({info.st_dev, info.st_ino}, entry.path);
    if (!added) entry.same_as = known->second;
  }
  if (fd) {
    auto filled = Fill(fd.get(), entry);
    if (!filled) return std::unexpected(filled.error().Wrap(entry.path));
    if (entry.type == TreeEntryType::kDirectory && opened != nullptr) *opened = std::move(fd);
  }
  return entry;
}

Result<> TreeReader::Enter(UniqueFd folder, std::string path) {
  if (levels_.size() >= kDepthLimit) return Fail("{}: folders are nested too deeply", path);
  auto names = ListFolder(folder.get());
  if (!names) return std::unexpected(names.error().Wrap(path));
  levels_.push_back({std::move(folder), std::move(path), std::move(*names)});
  return {};
}

Result<std::optional<TreeEntry>> TreeReader::Next() {
  if (!started_) {
    started_ = true;
    UniqueFd folder;
    INRO_ASSIGN(TreeEntry root, Describe(root_.get(), "", "", &folder));
    if (folder) INRO_TRY(Enter(std::move(folder), ""));
    return std::optional(std::move(root));
  }
  while (!levels_.empty()) {
    Level& level = levels_.back();
    if (level.names.empty()) {
      levels_.pop_back();
      continue;
    }
    const std::string name = std::move(level.names.back());
    level.names.pop_back();
    std::string path = level.path.empty() ? name : fmt::format("{}/{}", level.path, name);
    UniqueFd folder;
    auto entry = Describe(level.folder.get(), name, path, &folder);
    if (!entry && entry.error().sys_errno() == ENOENT) continue;
    if (!entry) return std::unexpected(std::move(entry).error());
    if (folder) INRO_TRY(Enter(std::move(folder), std::move(path)));
    return std::optional(std::move(*entry));
  }
  return std::nullopt;
}

Result<std::string> TreeReader::Read(const TreeEntry& entry, std::uint64_t offset,
                                     std::size_t length) {
  INRO_TRY(CheckTreePath(entry.path));
  std::shared_ptr<UniqueFd> fd;
  {
    const std::lock_guard lock(files_->mutex);
    const auto known = std::ranges::find_if(files_->opened, [&](const Files::Opened& file) {
      return file.path == entry.path && file.device == entry.device && file.inode == entry.inode;
    });
    if (known != files_->opened.end()) {
      fd = known->fd;
      files_->opened.splice(files_->opened.begin(), files_->opened, known);
    }
  }
  if (!fd) {
    UniqueFd file;
    if (entry.path.empty()) {
      file = UniqueFd(::fcntl(root_.get(), F_DUPFD_CLOEXEC, 3));
    } else {
      const auto [parent, name] = SplitTreePath(entry.path);
      INRO_ASSIGN(const UniqueFd folder, OpenFolderBelow(root_.get(), parent));
      file = UniqueFd(::openat(folder.get(), std::string(name).c_str(),
                               O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    }
    struct stat info{};
    if (!file || ::fstat(file.get(), &info) != 0) return FailErrno("open {}", entry.path);
    if (!S_ISREG(info.st_mode) || info.st_dev != entry.device || info.st_ino != entry.inode) {
      return Fail("{} was replaced while it was being copied", entry.path);
    }
    fd = std::make_shared<UniqueFd>(std::move(file));
    const std::lock_guard lock(files_->mutex);
    files_->opened.push_front({entry.path, fd, info.st_dev, info.st_ino});
    if (files_->opened.size() > kOpenFiles) files_->opened.pop_back();
  }
  auto bytes = ReadAt(fd->get(), offset, length);
  if (!bytes) return std::unexpected(bytes.error().Wrap(entry.path));
  return bytes;
}

}  // namespace inro::sys
