#include "guest/init/root_switch.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "base/scope_guard.h"
#include "base/unique_fd.h"

namespace inro::guest {
namespace {

constexpr const char* kProgramPath = "/usr/bin/inro-guest";
constexpr const char* kCarried[] = {"/proc", "/sys", "/dev"};

// A loop device goes away with its last user: `fd` keeps it until the mount has its own reference.
struct Loop {
  std::string device;
  UniqueFd fd;
};

// Attaches a file read-only to a free loop device.
Result<Loop> AttachLoop(const std::string& file) {
  const UniqueFd body(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!body) return FailErrno("open {}", file);
  const UniqueFd control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  if (!control) return FailErrno("open /dev/loop-control");
  const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
  if (number < 0) return FailErrno("find a free loop device");
  std::string device = fmt::format("/dev/loop{}", number);
  UniqueFd loop(::open(device.c_str(), O_RDWR | O_CLOEXEC));
  if (!loop) return FailErrno("open {}", device);
  loop_config config{};
  config.fd = static_cast<unsigned>(body.get());
  config.block_size = 512;
  config.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR;
  if (::ioctl(loop.get(), LOOP_CONFIGURE, &config) != 0) {
    return FailErrno("attach {} to {}", file, device);
  }
  return Loop{device, std::move(loop)};
}

// Removes everything below an open directory that lies on the same file system.
void RemoveBelow(int directory_fd, dev_t device, int depth) {
  constexpr int kMaxDepth = 64;
  DIR* directory = depth > kMaxDepth ? nullptr : ::fdopendir(::dup(directory_fd));
  if (directory == nullptr) return;
  const ScopeGuard close([&] { ::closedir(directory); });
  while (const dirent* entry = ::readdir(directory)) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    struct stat info{};
    if (::fstatat(directory_fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    // This program stays in use: its memory would not come back.
    if (info.st_dev != device || (depth == 0 && name == "init")) continue;
    if (S_ISDIR(info.st_mode)) {
      const UniqueFd child(
          ::openat(directory_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
      if (child) RemoveBelow(child.get(), device, depth + 1);
      ::unlinkat(directory_fd, entry->d_name, AT_REMOVEDIR);
    } else {
      ::unlinkat(directory_fd, entry->d_name, 0);
    }
  }
}

void FreeInitrd(int old_root) {
  struct stat info{};
  struct statfs system{};
  if (::fstat(old_root, &info) != 0 || ::fstatfs(old_root, &system) != 0) return;
  // Never a disk: only what lives in memory.
  if (system.f_type != RAMFS_MAGIC && system.f_type != TMPFS_MAGIC) return;
  RemoveBelow(old_root, info.st_dev, 0);
}

Result<> EnterRoot(sys::Mounts& mounts, const std::string& root, bool pivot) {
  for (const char* path : kCarried) {
    (void)mounts.MakeDirectory(root + path, 0755);
    INRO_TRY(mounts.Mount(path, root + path, "", MS_MOVE, ""));
  }
  if (::chdir(root.c_str()) != 0) return FailErrno("enter {}", root);
  if (pivot) {
    // The old root is an ordinary mount: put it on top of the new one and let go of it.
    if (::syscall(SYS_pivot_root, ".", ".") != 0) return FailErrno("pivot_root to {}", root);
    if (::umount2(".", MNT_DETACH) != 0) return FailErrno("let go of the old root");
  } else {
    // rootfs can be neither pivoted nor unmounted: the new root is moved over it.
    INRO_TRY(mounts.Mount(".", "/", "", MS_MOVE, ""));
    if (::chroot(".") != 0) return FailErrno("chroot to {}", root);
  }
  if (::chdir("/") != 0) return FailErrno("enter the new root");
  return {};
}

// `base` is a tmpfs; gives the overlay's mount point.
Result<std::string> MountOverlay(RootSwitch& context, const std::string& base,
                                 const std::string& lower) {
  for (const char* name : {"/upper", "/work", "/root"}) {
    INRO_TRY(context.mounts.MakeDirectory(base + name, 0755));
  }
  INRO_TRY(context.mounts.Mount(
      "overlay", base + "/root", "overlay", 0,
      fmt::format("lowerdir={0},upperdir={1}/upper,workdir={1}/work", lower, base)));
  return base + "/root";
}

// The initrd's copy of this program takes the place of the body's: its pages are in memory already,
// so that the agent's start decompresses nothing, and both processes share them. Where that fails
// the body's own copy serves as well.
void ShareProgram(RootSwitch& context, const std::string& root) {
  const std::string target = root + kProgramPath;
  struct stat ours{};
  struct stat theirs{};
  if (::stat("/init", &ours) != 0 || ::stat(target.c_str(), &theirs) != 0) return;
  if (ours.st_size != theirs.st_size || !S_ISREG(theirs.st_mode)) return;
  const auto done = context.mounts.Mount("/init", target, "", MS_BIND, "");
  if (!done) context.log.Info("{}", done.error().ToString());
}

Result<> SwitchNested(RootSwitch& context, const BootConf& conf) {
  const std::string base = "/.inro";
  const UniqueFd old_root(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  INRO_ASSIGN(const Loop loop, AttachLoop(kNestedBodyPath));
  INRO_TRY(context.mounts.MakeDirectory(base, 0700));
  INRO_TRY(context.mounts.Mount("tmpfs", base, "tmpfs", 0, "mode=755,size=50%"));
  INRO_TRY(context.mounts.MakeDirectory(base + "/body", 0755));
  INRO_TRY(context.mounts.Mount(loop.device, base + "/body", "erofs", MS_RDONLY, ""));
  context.steps.Mark("body");
  std::string root = base + "/body";
  if (conf.overlay) {
    INRO_ASSIGN(root, MountOverlay(context, base, base + "/body"));
    context.steps.Mark("overlay");
  }
  ShareProgram(context, root);
  INRO_TRY(EnterRoot(context.mounts, root, false));
  context.steps.Mark("root");
  FreeInitrd(old_root.get());
  context.steps.Mark("free the initrd");
  return {};
}

Result<> SwitchFlat(RootSwitch& context, const BootConf& conf) {
  const std::string root = "/.inro";
  INRO_TRY(context.mounts.MakeDirectory(root, 0700));
  INRO_TRY(context.mounts.Mount("/", root, "", MS_BIND, ""));
  INRO_TRY(EnterRoot(context.mounts, root, false));
  if (::rmdir(root.c_str()) != 0) context.log.Info("{} stays", root);
  context.steps.Mark("root");
  if (conf.overlay) return {};
  return context.mounts.Mount("/", "/", "", MS_REMOUNT | MS_BIND | MS_RDONLY, "");
}

Result<> SwitchImage(RootSwitch& context, const BootConf& conf) {
  if (!conf.overlay) return {};  // the kernel's read-only mount is what is asked for
  const std::string base = "/run";
  INRO_TRY(context.mounts.Mount("tmpfs", base, "tmpfs", 0, "mode=755,size=50%"));
  INRO_ASSIGN(const std::string root, MountOverlay(context, base, "/"));
  context.steps.Mark("overlay");
  INRO_TRY(EnterRoot(context.mounts, root, true));
  context.steps.Mark("root");
  return {};
}

}  // namespace

Body DetectBody() {
  struct statfs system{};
  if (::statfs("/", &system) != 0) return Body::kImage;
  if (system.f_type != RAMFS_MAGIC && system.f_type != TMPFS_MAGIC) return Body::kImage;
  return ::access(kNestedBodyPath, F_OK) == 0 ? Body::kNested : Body::kFlat;
}

Result<> SwitchRoot(RootSwitch& context, Body body, const BootConf& conf) {
  context.modules.LoadList(kEarlyModulesPath);
  context.steps.Mark("early modules");
  switch (body) {
    case Body::kNested:
      INRO_TRY(SwitchNested(context, conf));
      return {};
    case Body::kFlat:
      return SwitchFlat(context, conf);
    case Body::kImage:
      return SwitchImage(context, conf);
  }
  return {};
}

}  // namespace inro::guest
