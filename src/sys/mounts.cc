#include "sys/mounts.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cerrno>

namespace inro::sys {

Result<> SystemMounts::Mount(const std::string& source, const std::string& target,
                             const std::string& type, unsigned long flags,
                             const std::string& options) {
  if (::mount(source.c_str(), target.c_str(), type.empty() ? nullptr : type.c_str(), flags,
              options.empty() ? nullptr : options.c_str()) != 0) {
    return FailErrno("mount {} on {}", type.empty() ? source : type, target);
  }
  return {};
}

Result<> SystemMounts::Unmount(const std::string& target, int flags) {
  if (::umount2(target.c_str(), flags) != 0) return FailErrno("unmount {}", target);
  return {};
}

bool SystemMounts::IsMountPoint(const std::string& path) {
  struct statx info{};
  if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &info) !=
      0) {
    return false;
  }
  return (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

Result<> SystemMounts::MakeDirectory(const std::string& path, unsigned mode) {
  if (::mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return {};
  return FailErrno("make directory {}", path);
}

}  // namespace inro::sys
