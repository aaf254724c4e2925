#include "guest/init/service_directories.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/scope_guard.h"
#include "base/unique_fd.h"
#include "guest/init/background_removal.h"
#include "sys/spawn.h"

namespace inro::guest {
namespace {

struct Row {
  unit::DirectoryKind kind;
  std::string_view base;
  std::string_view variable;
  bool keeps_existing;  // an administrator's choice stands: only a new one is made the user's
  bool may_be_private;  // of a dynamic user
  int exit_code;
};
constexpr std::array<Row, unit::kDirectoryKinds> kRows = {{
    {unit::kRuntime, "/run", "RUNTIME_DIRECTORY", false, false, sys::kExitRuntimeDirectory},
    {unit::kState, "/var/lib", "STATE_DIRECTORY", false, true, sys::kExitStateDirectory},
    {unit::kCache, "/var/cache", "CACHE_DIRECTORY", false, true, sys::kExitCacheDirectory},
    {unit::kLogs, "/var/log", "LOGS_DIRECTORY", false, true, sys::kExitLogsDirectory},
    {unit::kConfiguration, "/etc", "CONFIGURATION_DIRECTORY", true, false,
     sys::kExitConfigurationDirectory},
}};

constexpr int kMaxDepth = 64;

// Calls `visit` for everything below an open directory; links are not followed.
template <class F>
void Walk(int directory_fd, int depth, const F& visit) {
  DIR* directory = depth > kMaxDepth ? nullptr : ::fdopendir(::dup(directory_fd));
  if (directory == nullptr) return;
  const ScopeGuard close([&] { ::closedir(directory); });
  while (const dirent* entry = ::readdir(directory)) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    const UniqueFd child(::openat(directory_fd, entry->d_name,
                                  O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (child) Walk(child.get(), depth + 1, visit);
    visit(directory_fd, entry->d_name, child.valid());
  }
}

// Makes "/run/a/b": parents 0755 root, the last as asked.
Result<UniqueFd> MakeBelow(const std::string& base, const std::string& name, mode_t mode) {
  std::string path = base;
  std::string_view rest = name;
  ::mkdir(path.c_str(), 0755);
  while (!rest.empty()) {
    const std::size_t slash = rest.find('/');
    path += "/";
    path += rest.substr(0, slash);
    rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash + 1);
    if (::mkdir(path.c_str(), rest.empty() ? mode : 0755) != 0 && errno != EEXIST) {
      return FailErrno("make directory {}", path);
    }
  }
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return FailErrno("open directory {}", path);
  return fd;
}

}  // namespace

namespace {

// The folder for private directories, and a link to the one of this name.
Result<> LinkPrivate(const std::string& base, const std::string& name) {
  const std::string folder = base + "/private";
  ::mkdir(base.c_str(), 0755);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return FailErrno("make {}", folder);
  const std::string path = base + "/" + name;
  const std::size_t slash = name.rfind('/');
  if (slash != std::string::npos) {
    INRO_TRY(MakeBelow(base, name.substr(0, slash), 0755));
    INRO_TRY(MakeBelow(folder, name.substr(0, slash), 0755));
  }
  struct stat info{};
  if (::lstat(path.c_str(), &info) == 0) {
    if (S_ISLNK(info.st_mode)) return {};
    if (::rename(path.c_str(), (folder + "/" + name).c_str()) != 0) {
      return FailErrno("move {} into {}", path, folder);
    }
  }
  std::string target = "private/" + name;
  for (const char c : name) {
    if (c == '/') target = "../" + target;
  }
  if (::symlink(target.c_str(), path.c_str()) != 0 && errno != EEXIST) {
    return FailErrno("link {}", path);
  }
  return {};
}

Result<> MakeOne(const Row& row, const unit::DirectorySetting& setting, const std::string& name,
                 const DirectoryOwner& owner, bool dynamic, const std::string& root,
                 MadeDirectories& made) {
  std::string base = root + std::string(row.base);
  if (dynamic && row.may_be_private) {
    INRO_TRY(LinkPrivate(base, name));
    base += "/private";
  }
  struct stat before{};
  const bool kept =
      row.keeps_existing && ::lstat(fmt::format("{}/{}", base, name).c_str(), &before) == 0;
  INRO_ASSIGN(const UniqueFd fd, MakeBelow(base, name, setting.mode));
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return FailErrno("stat {}/{}", base, name);
  if (kept) return {};
  const std::string path = base + "/" + name;
  made.owned.push_back(path);
  if ((info.st_mode & 07777) != setting.mode && ::fchmod(fd.get(), setting.mode) != 0) {
    return FailErrno("set the mode of {}", path);
  }
  if (info.st_uid == owner.uid && info.st_gid == owner.gid) return {};
  if (::fchown(fd.get(), owner.uid, owner.gid) != 0) return FailErrno("set the owner of {}", path);
  // An empty one is done with this.
  bool empty = true;
  Walk(fd.get(), kMaxDepth, [&](int, const char*, bool) { empty = false; });
  if (!empty) made.hand_over.push_back(path);
  return {};
}

}  // namespace

Result<MadeDirectories> MakeServiceDirectories(const unit::ExecSettings& exec,
                                               const DirectoryOwner& owner, int& exit_code,
                                               const std::string& root) {
  MadeDirectories made;
  for (const Row& row : kRows) {
    const unit::DirectorySetting& setting = exec.directories[row.kind];
    for (const std::string& name : setting.names) {
      exit_code = row.exit_code;
      INRO_TRY(MakeOne(row, setting, name, owner, exec.dynamic_user, root, made));
    }
  }
  return made;
}

void HandOver(const std::string& path, const DirectoryOwner& owner) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return;
  Walk(fd.get(), 0, [&](int parent, const char* entry, bool) {
    // What cannot be handed over shows when the service uses it.
    static_cast<void>(::fchownat(parent, entry, owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW) == 0);
  });
}

unit::Environment DirectoryVariables(const unit::ExecSettings& exec) {
  unit::Environment variables;
  for (const Row& row : kRows) {
    std::string value;
    for (const std::string& name : exec.directories[row.kind].names) {
      if (!value.empty()) value += ':';
      value += row.base;
      value += '/';
      value += name;
    }
    if (!value.empty()) variables.push_back(std::string(row.variable) + "=" + value);
  }
  return variables;
}

void RemoveRuntimeDirectories(const unit::ExecSettings& exec, const std::string& root) {
  for (const std::string& name : exec.directories[unit::kRuntime].names) {
    RemoveSoon(root + "/run/" + name);
  }
}

}  // namespace inro::guest
