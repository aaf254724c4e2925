#include "guest/sandbox/mount_call.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

// glibc's <sys/mount.h> cannot be included beside <linux/mount.h>.
extern "C" {
int mount(const char* source, const char* target, const char* type, unsigned long flags,
          const void* data) noexcept;
int umount2(const char* target, int flags) noexcept;
}

namespace inro::guest::sandbox {
namespace {

constexpr unsigned long kMove = 8192;        // MS_MOVE
constexpr unsigned long kRecursive = 16384;  // MS_REC
constexpr int kDetach = 2;                   // MNT_DETACH

struct AttributeWord {
  std::string_view word;
  std::uint64_t set, clear;
};
constexpr AttributeWord kAttributes[] = {
    {"ro", MOUNT_ATTR_RDONLY, 0},
    {"rw", 0, MOUNT_ATTR_RDONLY},
    {"nosuid", MOUNT_ATTR_NOSUID, 0},
    {"suid", 0, MOUNT_ATTR_NOSUID},
    {"nodev", MOUNT_ATTR_NODEV, 0},
    {"dev", 0, MOUNT_ATTR_NODEV},
    {"noexec", MOUNT_ATTR_NOEXEC, 0},
    {"exec", 0, MOUNT_ATTR_NOEXEC},
    {"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
    {"relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    {"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
};

int Configure(int context, unsigned command, const char* key, const char* value) {
  return static_cast<int>(::syscall(SYS_fsconfig, context, command, key, value, 0));
}

}  // namespace

Result<UniqueFd> CloneTree(const std::string& path, bool recursive) {
  const unsigned flags =
      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? unsigned{AT_RECURSIVE} : 0U);
  UniqueFd tree(static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, path.c_str(), flags)));
  if (!tree) return FailErrno("take {}", path);
  return tree;
}

Result<> AttachTree(int tree, const std::string& path) {
  if (::syscall(SYS_move_mount, tree, "", AT_FDCWD, path.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return FailErrno("mount on {}", path);
  }
  return {};
}

Result<UniqueFd> MakeFileSystem(const std::string& type, const std::string& options) {
  const UniqueFd context(static_cast<int>(::syscall(SYS_fsopen, type.c_str(), FSOPEN_CLOEXEC)));
  if (!context) return FailErrno("open file system {}", type);
  Configure(context.get(), FSCONFIG_SET_STRING, "source", type.c_str());
  std::uint64_t attributes = 0;
  std::string_view rest = options;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    const std::string word(rest.substr(0, comma));
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    if (word.empty()) continue;
    const auto* row = std::ranges::find(kAttributes, word, &AttributeWord::word);
    if (row != std::end(kAttributes)) {
      attributes = (attributes & ~row->clear) | row->set;
      continue;
    }
    const std::size_t equals = word.find('=');
    const int done = equals == std::string::npos
                         ? Configure(context.get(), FSCONFIG_SET_FLAG, word.c_str(), nullptr)
                         : Configure(context.get(), FSCONFIG_SET_STRING,
                                     word.substr(0, equals).c_str(), word.c_str() + equals + 1);
    if (done != 0) return FailErrno("option {} of {}", word, type);
  }
  if (Configure(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr) != 0) {
    return FailErrno("make file system {}", type);
  }
  UniqueFd mount(
      static_cast<int>(::syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, attributes)));
  if (!mount) return FailErrno("mount {}", type);
  return mount;
}

Result<> MountFileSystem(const std::string& type, const std::string& path,
                         const std::string& options) {
  INRO_ASSIGN(const UniqueFd mount, MakeFileSystem(type, options));
  return AttachTree(mount.get(), path);
}

Result<> SetMountAttributes(const std::string& path, std::uint64_t set, std::uint64_t clear) {
  mount_attr attributes{};
  attributes.attr_set = set;
  attributes.attr_clr = clear;
  if (::syscall(SYS_mount_setattr, AT_FDCWD, path.c_str(), 0, &attributes, sizeof attributes) !=
      0) {
    return FailErrno("restrict {}", path);
  }
  return {};
}

Result<> SetPropagation(const std::string& path, unsigned long propagation) {
  if (::mount(nullptr, path.c_str(), nullptr, kRecursive | propagation, nullptr) != 0) {
    return FailErrno("set the propagation of {}", path);
  }
  return {};
}

Result<> ChangeRoot(const std::string& path) {
  if (::chdir(path.c_str()) != 0) return FailErrno("enter {}", path);
  // The old root lands on top of the new one and is taken off.
  if (::syscall(SYS_pivot_root, ".", ".") == 0) {
    if (::umount2(".", kDetach) != 0) return FailErrno("detach the old root");
  } else if (::mount(path.c_str(), "/", nullptr, kMove, nullptr) != 0 || ::chroot(".") != 0) {
    return FailErrno("make {} the root", path);  // the first root of all cannot be pivoted from
  }
  if (::chdir("/") != 0) return FailErrno("enter the new root");
  return {};
}

}  // namespace inro::guest::sandbox
