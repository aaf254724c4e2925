#include "vmm/guest/run_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <memory>

#include "sys/directory.h"
#include "sys/file.h"

namespace inro::vmm {
namespace {

constexpr std::string_view kKeepMark = "/keep";
// A folder without a lock file belongs to a start that is just under way, or died there.
constexpr std::time_t kUnlockedGraceSeconds = 60;

// A folder of ours that nobody else can enter. In /tmp another user may have made it first.
Result<> MakePrivate(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return FailErrno("make folder {}", path);
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return FailErrno("look at {}", path);
  if (!S_ISDIR(info.st_mode) || info.st_uid != ::geteuid() || (info.st_mode & 0077) != 0) {
    return Fail(
        "{} must be a folder of this user's with mode 0700; remove it, or set "
        "XDG_RUNTIME_DIR to a private folder",
        path);
  }
  return {};
}

bool PlainName(std::string_view name) {
  if (name.empty() || name.size() > 64 || name.front() == '.' || name.front() == '-') return false;
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
  return name.find_first_not_of(kAllowed) == std::string_view::npos;
}

// Takes a lock that belongs to the open file description: whoever inherits the descriptor holds it.
bool TakeLock(int fd) {
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return ::fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

// The lock file appears locked: whoever looks at a folder never finds one that is not held yet.
Result<UniqueFd> MakeLock(const std::string& folder) {
  const std::string fresh = folder + "/lock.new";
  INRO_ASSIGN(UniqueFd lock, sys::Open(fresh, O_RDWR | O_CREAT | O_EXCL, 0600));
  if (!TakeLock(lock.get())) return FailErrno("lock {}", folder);
  if (::rename(fresh.c_str(), (folder + "/lock").c_str()) != 0) {
    return FailErrno("rename {}", fresh);
  }
  return lock;
}

// True when nobody holds the folder's lock. It is only asked for, not taken: several may look.
bool LeftOver(const std::string& folder) {
  const UniqueFd lock(::open((folder + "/lock").c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (lock) {
    struct flock held{};
    held.l_type = F_WRLCK;
    held.l_whence = SEEK_SET;
    return ::fcntl(lock.get(), F_OFD_GETLK, &held) == 0 && held.l_type == F_UNLCK;
  }
  struct stat info{};
  return errno == ENOENT && ::lstat(folder.c_str(), &info) == 0 && S_ISDIR(info.st_mode) &&
         info.st_mtime + kUnlockedGraceSeconds < std::time(nullptr);
}

}  // namespace

std::string GuestsRoot() {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && *runtime == '/') return fmt::format("{}/inro/guests", runtime);
  return fmt::format("/tmp/inro-{}/guests", ::geteuid());
}

Result<RunPaths> FindRunFolder(const std::string& name, std::string root) {
  if (root.empty()) root = GuestsRoot();
  RunPaths paths{root + "/" + name};
  if (!PlainName(name) || !sys::Exists(paths.folder) || LeftOver(paths.folder)) {
    return FailAs(ErrorKind::kNotFound, "no guest named \"{}\" is running", name);
  }
  return paths;
}

std::vector<std::string> RunningGuests(std::string root) {
  if (root.empty()) root = GuestsRoot();
  std::vector<std::string> names;
  const auto entries = sys::ListDirectory(root);
  if (!entries) return names;
  for (const std::string& name : *entries) {
    if (FindRunFolder(name, root)) names.push_back(name);
  }
  return names;
}

int SweepGuests(const std::string& root) {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(root.c_str()), &::closedir);
  int removed = 0;
  if (!dir) return removed;
  while (const dirent* entry = ::readdir(dir.get())) {
    const std::string_view name = entry->d_name;
    if (!PlainName(name)) continue;
    const std::string folder = fmt::format("{}/{}", root, name);
    if (sys::Exists(folder + std::string(kKeepMark)) || !LeftOver(folder)) continue;
    if (sys::RemoveAll(folder)) ++removed;
  }
  return removed;
}

Result<RunFolder> RunFolder::Create(std::string name, std::string root) {
  if (root.empty()) {
    root = GuestsRoot();
    const std::string parent = root.substr(0, root.rfind('/'));
    INRO_TRY(MakePrivate(parent));
  }
  INRO_TRY(MakePrivate(root));
  SweepGuests(root);
  const bool choose = name.empty();
  if (!choose && !PlainName(name)) {
    return FailAs(ErrorKind::kBadInput,
                  "\"{}\" cannot name a guest: letters, digits, '-', '_' and '.', 64 at most",
                  name);
  }
  for (int attempt = 0;; ++attempt) {
    if (choose)
      name = fmt::format("guest-{}{}", ::getpid(), attempt == 0 ? "" : fmt::format("-{}", attempt));
    RunPaths paths{root + "/" + name};
    // Guest connections to host ports appear as "<hybrid socket>_<port>".
    const std::string longest = paths.hybrid_socket() + "_4294967295";
    if (longest.size() >= sizeof(sockaddr_un::sun_path)) {
      return FailAs(
          ErrorKind::kBadInput,
          "{}: too long for a socket's path ({} bytes, {} are possible); choose a shorter "
          "name or XDG_RUNTIME_DIR",
          longest, longest.size(), sizeof(sockaddr_un::sun_path) - 1);
    }
    if (::mkdir(paths.folder.c_str(), 0700) != 0) {
      if (errno != EEXIST) return FailErrno("make folder {}", paths.folder);
      if (choose && attempt < 1000) continue;
      if (sys::Exists(paths.folder + std::string(kKeepMark)) && LeftOver(paths.folder)) {
        return Fail("{} was kept from an earlier run; remove it or choose another name",
                    paths.folder);
      }
      return Fail("a guest named \"{}\" is running already", name);
    }
    INRO_ASSIGN(UniqueFd lock, MakeLock(paths.folder));
    return RunFolder(std::move(name), std::move(paths), std::move(lock));
  }
}

void RunFolder::Keep() {
  keep_ = true;
  (void)sys::WriteFile(paths_.folder + std::string(kKeepMark), "");
}

RunFolder::~RunFolder() {
  if (lock_ && !keep_) (void)sys::RemoveAll(paths_.folder);
}

}  // namespace inro::vmm
