#include "guest/init/service_directories.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/scope_guard.h"
#include "base/unique_fd.h"

namespace inro::guest {
namespace {

struct Row {
  unit::DirectoryKind kind;
  std::string_view base;
  std::string_view variable;
  bool owned;  // by the service's user
};
constexpr std::array<Row, unit::kDirectoryKinds> kRows = {{
    {unit::kRuntime, "/run", "RUNTIME_DIRECTORY", true},
    {unit::kState, "/var/lib", "STATE_DIRECTORY", true},
    {unit::kCache, "/var/cache", "CACHE_DIRECTORY", true},
    {unit::kLogs, "/var/log", "LOGS_DIRECTORY", true},
    {unit::kConfiguration, "/etc", "CONFIGURATION_DIRECTORY", false},
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

Result<> MakeServiceDirectories(const unit::ExecSettings& exec, const DirectoryOwner& owner,
                                const std::string& root) {
  for (const Row& row : kRows) {
    const unit::DirectorySetting& setting = exec.directories[row.kind];
    for (const std::string& name : setting.names) {
      const std::string base = root + std::string(row.base);
      INRO_ASSIGN(const UniqueFd fd, MakeBelow(base, name, setting.mode));
      struct stat info{};
      if (::fstat(fd.get(), &info) != 0) return FailErrno("stat {}/{}", base, name);
      if (!row.owned) continue;  // in /etc an administrator's choice stands
      if ((info.st_mode & 07777) != setting.mode && ::fchmod(fd.get(), setting.mode) != 0) {
        return FailErrno("set the mode of {}/{}", base, name);
      }
      if (info.st_uid == owner.uid && info.st_gid == owner.gid) continue;
      if (::fchown(fd.get(), owner.uid, owner.gid) != 0) {
        return FailErrno("set the owner of {}/{}", base, name);
      }
      Walk(fd.get(), 0, [&](int parent, const char* entry, bool) {
        // What cannot be handed over shows when the service uses it.
        static_cast<void>(::fchownat(parent, entry, owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW) ==
                          0);
      });
    }
  }
  return {};
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
    const std::string path = root + "/run/" + name;
    {
      const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
      if (!fd) continue;
      Walk(fd.get(), 0, [](int parent, const char* entry, bool directory) {
        ::unlinkat(parent, entry, directory ? AT_REMOVEDIR : 0);
      });
    }
    ::rmdir(path.c_str());
  }
}

}  // namespace inro::guest
