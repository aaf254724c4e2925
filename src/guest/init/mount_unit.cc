#include "guest/init/mount_unit.h"

#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "sys/mounts.h"

namespace inro::guest {
namespace {

struct Flag {
  std::string_view word;
  unsigned long set;
  unsigned long clear = 0;
};
constexpr Flag kFlags[] = {
    {"ro", MS_RDONLY},
    {"rw", 0, MS_RDONLY},
    {"nosuid", MS_NOSUID},
    {"suid", 0, MS_NOSUID},
    {"nodev", MS_NODEV},
    {"dev", 0, MS_NODEV},
    {"noexec", MS_NOEXEC},
    {"exec", 0, MS_NOEXEC},
    {"sync", MS_SYNCHRONOUS},
    {"async", 0, MS_SYNCHRONOUS},
    {"dirsync", MS_DIRSYNC},
    {"noatime", MS_NOATIME},
    {"atime", 0, MS_NOATIME},
    {"nodiratime", MS_NODIRATIME},
    {"relatime", MS_RELATIME},
    {"norelatime", 0, MS_RELATIME},
    {"strictatime", MS_STRICTATIME},
    {"lazytime", MS_LAZYTIME},
    {"nosymfollow", MS_NOSYMFOLLOW},
    {"remount", MS_REMOUNT},
    {"bind", MS_BIND},
    {"rbind", MS_BIND | MS_REC},
    {"move", MS_MOVE},
    {"silent", MS_SILENT},
    {"defaults", 0},
};
constexpr std::pair<std::string_view, unsigned long> kPropagations[] = {
    {"private", MS_PRIVATE},       {"rprivate", MS_PRIVATE | MS_REC},
    {"shared", MS_SHARED},         {"rshared", MS_SHARED | MS_REC},
    {"slave", MS_SLAVE},           {"rslave", MS_SLAVE | MS_REC},
    {"unbindable", MS_UNBINDABLE}, {"runbindable", MS_UNBINDABLE | MS_REC},
};
// Meant for mount(8) or init, not for the kernel.
bool IsForUserspace(std::string_view word) {
  for (const std::string_view known :
       {"auto", "noauto", "nofail", "_netdev", "user", "nouser", "users", "owner", "group"}) {
    if (word == known) return true;
  }
  return word.starts_with("x-") || word.starts_with("X-") || word.starts_with("comment=");
}

Result<> MakeMountPoint(const unit::MountSettings& mount, bool of_file) {
  for (std::size_t slash = mount.where.find('/', 1);; slash = mount.where.find('/', slash + 1)) {
    const std::string part = mount.where.substr(0, slash);
    const bool last = slash == std::string::npos;
    struct stat status{};
    if (::stat(part.c_str(), &status) != 0) {
      const int made = last && of_file ? ::mknod(part.c_str(), S_IFREG | 0644, 0)
                                       : ::mkdir(part.c_str(), mount.directory_mode);
      if (made != 0 && errno != EEXIST) return FailErrno("make {}", part);
    }
    if (last) return {};
  }
}

template <class Work>
Result<pid_t> InChild(const unit::MountSettings& mount, KernelLog& log, Work work) {
  const pid_t pid = ::fork();
  if (pid < 0) return FailErrno("start a process to mount {}", mount.where);
  if (pid > 0) return pid;
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const Result<> done = work(mount);
  if (!done) log.Error("{}", done.error().ToString());
  ::_exit(done ? 0 : 1);
}

}  // namespace

MountOptions ParseMountOptions(std::string_view options) {
  MountOptions result;
  while (!options.empty()) {
    const std::size_t comma = std::min(options.find(','), options.size());
    const std::string_view word = options.substr(0, comma);
    options.remove_prefix(std::min(comma + 1, options.size()));
    if (word.empty() || IsForUserspace(word)) continue;
    bool known = false;
    for (const Flag& flag : kFlags) {
      if (flag.word != word) continue;
      result.flags = (result.flags & ~flag.clear) | flag.set;
      known = true;
    }
    for (const auto& [name, flag] : kPropagations) {
      if (name != word) continue;
      result.propagation = flag;
      known = true;
    }
    if (known) continue;
    if (!result.data.empty()) result.data += ',';
    result.data += word;
  }
  return result;
}

Result<> MountNow(const unit::MountSettings& mount) {
  MountOptions options = ParseMountOptions(mount.options);
  struct stat what{};
  const bool of_file = (options.flags & MS_BIND) != 0 && ::stat(mount.what.c_str(), &what) == 0 &&
                       !S_ISDIR(what.st_mode);
  INRO_TRY(MakeMountPoint(mount, of_file));
  std::string source = mount.what;
  for (const auto& [tag, folder] :
       {std::pair("UUID=", "by-uuid"), std::pair("LABEL=", "by-label"),
        std::pair("PARTUUID=", "by-partuuid"), std::pair("PARTLABEL=", "by-partlabel")}) {
    if (source.starts_with(tag)) {
      source = fmt::format("/dev/disk/{}/{}", folder, source.substr(std::strlen(tag)));
    }
  }
  const bool bind = (options.flags & MS_BIND) != 0;
  const bool read_only = (options.flags & MS_RDONLY) != 0;
  const char* type = bind || mount.type.empty() ? nullptr : mount.type.c_str();
  const auto make = [&](unsigned long flags) {
    return ::mount(source.c_str(), mount.where.c_str(), type, flags, options.data.c_str());
  };
  if (bind) {
    // The kernel takes the other flags of a bind mount only when it is mounted again.
    if (make(options.flags & (MS_BIND | MS_REC)) != 0) {
      return FailErrno("bind {} to {}", source, mount.where);
    }
    const unsigned long rest = options.flags & ~static_cast<unsigned long>(MS_BIND | MS_REC);
    if (rest != 0 &&
        ::mount(nullptr, mount.where.c_str(), nullptr, MS_REMOUNT | MS_BIND | rest, nullptr) != 0) {
      return FailErrno("set the options of {}", mount.where);
    }
  } else if (make(options.flags) != 0) {
    const bool write_protected = errno == EROFS || errno == EACCES;
    if (!write_protected || read_only || mount.read_write_only ||
        make(options.flags | MS_RDONLY) != 0) {
      return FailErrno("mount {} ({}) on {}", source, mount.type, mount.where);
    }
  }
  if (options.propagation != 0 &&
      ::mount(nullptr, mount.where.c_str(), nullptr, options.propagation, nullptr) != 0) {
    return FailErrno("set the propagation of {}", mount.where);
  }
  return {};
}

Result<> UnmountNow(const unit::MountSettings& mount) {
  int flags = UMOUNT_NOFOLLOW;
  if (mount.lazy_unmount) flags |= MNT_DETACH;
  if (mount.force_unmount) flags |= MNT_FORCE;
  if (::umount2(mount.where.c_str(), flags) != 0 && errno != EINVAL && errno != ENOENT) {
    return FailErrno("unmount {}", mount.where);
  }
  return {};
}

Result<pid_t> BeginMount(const unit::MountSettings& mount, KernelLog& log) {
  const bool remount = (ParseMountOptions(mount.options).flags & MS_REMOUNT) != 0;
  if (!remount && sys::SystemMounts().IsMountPoint(mount.where)) return pid_t{0};
  return InChild(mount, log, &MountNow);
}

Result<pid_t> BeginUnmount(const unit::MountSettings& mount, KernelLog& log) {
  if (!sys::SystemMounts().IsMountPoint(mount.where)) return pid_t{0};
  return InChild(mount, log, &UnmountNow);
}

}  // namespace inro::guest
