#include "image/source/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <utility>

#include "image/source/dpkg_status.h"
#include "sys/file.h"

namespace inro::image {
namespace {

constexpr std::size_t kListed = 10;  // paths named in an error
constexpr std::uint64_t kUpdateEvery = 256;

class Importer {
 public:
  Importer(std::string root, Progress& progress) : root_(std::move(root)), progress_(progress) {}

  Result<SourceTree> Run() {
    INRO_TRY(ReadFolder(""));
    if (unreadable_ > 0) {
      std::string list;
      for (const std::string& path : listed_) list += "\n  " + path;
      if (unreadable_ > listed_.size()) list += "\n  ...";
      return Fail("{} of the paths below {} cannot be read:{}", unreadable_, root_, list);
    }
    source_.packages = InstalledPackages(source_.tree);
    return std::move(source_);
  }

 private:
  std::string OnDisk(const std::string& path) const { return root_ + "/" + path; }

  void Unreadable(const std::string& path) {
    ++unreadable_;
    if (listed_.size() < kListed) listed_.push_back(path.empty() ? "." : path);
  }

  Result<> ReadFolder(const std::string& folder) {
    const std::unique_ptr<DIR, int (*)(DIR*)> open(opendir(OnDisk(folder).c_str()), closedir);
    if (!open) {
      if (errno != EACCES && errno != EPERM) return FailErrno("open {}", OnDisk(folder));
      Unreadable(folder);
      return {};
    }
    if (folder.empty()) INRO_TRY(ReadNode(""));
    while (const dirent* entry = readdir(open.get())) {
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      const std::string path =
          folder.empty() ? std::string(name) : folder + "/" + std::string(name);
      INRO_ASSIGN(const bool is_folder, ReadNode(path));
      if (is_folder) INRO_TRY(ReadFolder(path));
    }
    return {};
  }

  // Puts the node at `path` and says whether it is a folder to descend into.
  Result<bool> ReadNode(const std::string& path) {
    const std::string disk = OnDisk(path);
    struct stat status{};
    if (lstat(disk.c_str(), &status) != 0) return FailErrno("stat {}", disk);
    if (S_ISSOCK(status.st_mode)) {
      progress_.Note(fmt::format("socket {} left out", disk));
      return false;
    }
    Node node;
    node.mode = status.st_mode & 07777;
    node.uid = status.st_uid;
    node.gid = status.st_gid;
    node.origin = "directory";
    if (S_ISDIR(status.st_mode)) {
      node.type = NodeType::kDirectory;
    } else if (S_ISLNK(status.st_mode)) {
      node.type = NodeType::kSymlink;
      node.mode = 0777;
      INRO_ASSIGN(node.target, ReadLink(disk));
    } else if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
      node.type = S_ISCHR(status.st_mode) ? NodeType::kCharDevice : NodeType::kBlockDevice;
      node.major = major(status.st_rdev);
      node.minor = minor(status.st_rdev);
    } else if (S_ISFIFO(status.st_mode)) {
      node.type = NodeType::kFifo;
    } else if (!ReadContent(disk, status, node)) {
      if (errno != EACCES && errno != EPERM) return FailErrno("read {}", disk);
      Unreadable(path);
      return false;
    }
    ReadXattrs(disk, node);
    INRO_TRY(source_.tree.Put(path, std::move(node)));
    if (++count_ % kUpdateEvery == 0) progress_.Update(count_, 0, "files");
    return S_ISDIR(status.st_mode);
  }

  static Result<std::string> ReadLink(const std::string& disk) {
    std::string target(4096, '\0');
    const ssize_t size = readlink(disk.c_str(), target.data(), target.size());
    if (size < 0) return FailErrno("read link {}", disk);
    target.resize(static_cast<std::size_t>(size));
    return target;
  }

  // False with errno when it cannot be read. Names of one inode share their content.
  bool ReadContent(const std::string& disk, const struct stat& status, Node& node) {
    const std::pair<dev_t, ino_t> inode(status.st_dev, status.st_ino);
    if (const auto known = linked_.find(inode); known != linked_.end()) {
      node.content = known->second;
      return true;
    }
    auto bytes = sys::ReadFile(disk);
    if (!bytes) {
      errno = bytes.error().sys_errno() != 0 ? bytes.error().sys_errno() : EIO;
      return false;
    }
    node.content = Content(std::move(*bytes));
    if (status.st_nlink > 1) linked_.emplace(inode, node.content);
    return true;
  }

  static void ReadXattrs(const std::string& disk, Node& node) {
    std::string names(65536, '\0');  // the kernel's limits of a list and of a value
    const ssize_t size = llistxattr(disk.c_str(), names.data(), names.size());
    if (size <= 0) return;
    std::string value(65536, '\0');
    for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
      const std::string name(names.c_str() + at);
      at += name.size() + 1;
      const ssize_t got = lgetxattr(disk.c_str(), name.c_str(), value.data(), value.size());
      if (got >= 0) node.xattrs[name] = value.substr(0, static_cast<std::size_t>(got));
    }
  }

  std::string root_;
  Progress& progress_;
  SourceTree source_;
  std::map<std::pair<dev_t, ino_t>, Content> linked_;
  std::vector<std::string> listed_;
  std::size_t unreadable_ = 0;
  std::uint64_t count_ = 0;
};

}  // namespace

Result<SourceTree> ImportDirectory(const std::string& path, Progress& progress) {
  progress.Step(fmt::format("read {}", path));
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) {
    if (errno != ENOENT) return FailErrno("stat {}", path);
    return FailAs(ErrorKind::kBadInput, "there is no folder {}", path);
  }
  if (!S_ISDIR(status.st_mode)) {
    return FailAs(ErrorKind::kBadInput, "{} is not a folder; an archive is source kind tar", path);
  }
  return Importer(path, progress).Run();
}

}  // namespace inro::image
