#include "guest/sandbox/mount_namespace.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "guest/sandbox/mount_call.h"
#include "guest/sandbox/mount_list.h"
#include "guest/sandbox/private_devices.h"
#include "sys/file.h"

namespace inro::guest::sandbox {
namespace {

using Kind = PlannedMount::Kind;
using Property = PlannedAccess::Property;

// A path below `root`, with links followed inside it: as the service will see it. Absent parts at
// the end stay as they are written.
class Resolver {
 public:
  static Result<Resolver> Open(const std::string& root) {
    Resolver resolver;
    resolver.prefix_ = root;
    resolver.root_.reset(
        ::open(root.empty() ? "/" : root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!resolver.root_) return FailErrno("open {}", root);
    return resolver;
  }

  struct Place {
    std::string path;  // of the system: the root is in front
    bool exists = false;
  };
  Place Find(const std::string& path) const {
    std::string rest;
    std::string head = path;
    while (true) {
      if (const UniqueFd fd = OpenInRoot(head)) {
        std::string found = NameOf(fd.get());
        if (found == "/") found.clear();
        return {found.empty() && rest.empty() ? "/" : found + rest, rest.empty()};
      }
      const std::size_t slash = head.rfind('/');
      if (head.size() < 2 || slash == std::string::npos) return {prefix_ + path, false};
      rest = head.substr(slash) + rest;
      head.resize(std::max<std::size_t>(slash, 1));
    }
  }

 private:
  UniqueFd OpenInRoot(const std::string& path) const {
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    return UniqueFd(
        static_cast<int>(::syscall(SYS_openat2, root_.get(), path.c_str(), &how, sizeof how)));
  }
  static std::string NameOf(int fd) {
    char name[4096];
    const ssize_t size =
        ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), name, sizeof name);
    return size > 0 ? std::string(name, static_cast<std::size_t>(size)) : std::string();
  }

  UniqueFd root_;
  std::string prefix_;
};

// What stands for inaccessible things: made once for the whole system, with no access for anybody.
constexpr const char* kInaccessible = "/run/systemd/inaccessible";

Result<std::string> InaccessibleFor(const std::string& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return FailErrno("look at {}", path);
  const mode_t umask = ::umask(0);
  ::mkdir("/run/systemd", 0755);
  ::mkdir(kInaccessible, 0755);
  // Of the same kind as what it hides: a device that nobody has cannot even be opened by root,
  // where an empty file could.
  struct StandIn {
    mode_t type;
    const char* name;
  };
  constexpr StandIn kKinds[] = {{S_IFDIR, "/dir"},  {S_IFCHR, "/chr"},   {S_IFBLK, "/blk"},
                                {S_IFIFO, "/fifo"}, {S_IFSOCK, "/sock"}, {S_IFREG, "/reg"}};
  const auto* kind = std::ranges::find(kKinds, info.st_mode & S_IFMT, &StandIn::type);
  if (kind == std::end(kKinds)) kind = std::end(kKinds) - 1;
  const std::string stand_in = std::string(kInaccessible) + kind->name;
  const int made = kind->type == S_IFDIR ? ::mkdir(stand_in.c_str(), 0)
                                         : ::mknod(stand_in.c_str(), kind->type, makedev(0, 0));
  const int error = errno;
  ::umask(umask);
  if (made != 0 && error != EEXIST) {
    return std::unexpected(Error::FromErrno("make " + stand_in, error));
  }
  return stand_in;
}

// Makes what a mount needs under it: a folder, or a file for all that is none.
Result<> MakeMountPoint(const std::string& path, bool directory) {
  if (directory) return sys::MakeDirectories(path, 0755);
  const std::size_t slash = path.rfind('/');
  if (slash > 0) INRO_TRY(sys::MakeDirectories(path.substr(0, slash), 0755));
  if (::mknod(path.c_str(), S_IFREG | 0444, 0) != 0 && errno != EEXIST) {
    return FailErrno("make {}", path);
  }
  return {};
}

struct Prepared {
  const PlannedMount* mount = nullptr;
  std::string path;
  UniqueFd tree;  // of a bind, and of what stands for the inaccessible
  bool directory = true;
  PrivateDevices devices;
};

class Builder {
 public:
  Builder(const MountPlan& plan, Resolver resolver) : plan_(plan), resolver_(std::move(resolver)) {}

  // All sources are of the system as it is outside: taken before anything is mounted.
  Result<> Prepare() {
    for (const PlannedMount& mount : plan_.mounts) {
      Prepared prepared;
      prepared.mount = &mount;
      const auto place = resolver_.Find(mount.path);
      prepared.path = place.path;
      if (mount.kind == Kind::kBind) {
        auto tree = CloneTree(mount.source, mount.recursive);
        if (!tree) {
          if (mount.optional && tree.error().sys_errno() == ENOENT) continue;
          return std::unexpected(tree.error());
        }
        struct stat info{};
        if (::fstat(tree->get(), &info) == 0) prepared.directory = S_ISDIR(info.st_mode);
        prepared.tree = std::move(*tree);
      } else if (mount.kind == Kind::kInaccessible) {
        if (!place.exists) {
          if (mount.optional || BelowMount(mount.path)) continue;
          return FailAs(ErrorKind::kNotFound, "{} does not exist", place.path);
        }
        INRO_ASSIGN(const std::string stand_in, InaccessibleFor(place.path));
        INRO_ASSIGN(prepared.tree, CloneTree(stand_in, false));
      } else if (mount.kind == Kind::kPrivateDevices) {
        INRO_ASSIGN(prepared.devices, PrivateDevices::Prepare());
      } else if (!place.exists && mount.optional) {
        continue;
      }
      prepared_.push_back(std::move(prepared));
    }
    return {};
  }

  Result<> Mount() {
    for (Prepared& prepared : prepared_) {
      const PlannedMount& mount = *prepared.mount;
      // What has been mounted so far may hide what was there, and hold what was not.
      const auto place = resolver_.Find(mount.path);
      if (!place.exists) {
        if (mount.kind == Kind::kInaccessible) continue;
        INRO_TRY(MakeMountPoint(place.path, prepared.directory));
      }
      switch (mount.kind) {
        case Kind::kBind:
          INRO_TRY(AttachTree(prepared.tree.get(), place.path));
          break;
        case Kind::kInaccessible:
          INRO_TRY(AttachTree(prepared.tree.get(), place.path));
          INRO_TRY(SetMountAttributes(place.path, MOUNT_ATTR_RDONLY, 0));
          break;
        case Kind::kTemporary:
          INRO_TRY(MountFileSystem("tmpfs", place.path, mount.options));
          break;
        case Kind::kProc: {
          const std::string options = "nosuid,nodev,noexec";
          INRO_TRY(MountFileSystem(
              "proc", place.path, mount.options.empty() ? options : options + "," + mount.options));
          break;
        }
        case Kind::kPrivateDevices:
          INRO_TRY(prepared.devices.Attach(place.path));
          break;
      }
    }
    return {};
  }

  // Every path with a property becomes a mount point; then each mount gets what the nearest path
  // above it says. A mount that was read-only before stays it.
  Result<> Restrict() {
    std::vector<PlannedAccess> accesses;
    for (const PlannedAccess& access : plan_.accesses) {
      const auto place = resolver_.Find(access.path);
      if (!place.exists) {
        if (access.optional) continue;
        return FailAs(ErrorKind::kNotFound, "{} does not exist", place.path);
      }
      PlannedAccess found = access;
      found.path = place.path;
      accesses.push_back(std::move(found));
    }
    for (const PlannedAccess& access : accesses) {
      if (IsMountRoot(access.path)) continue;
      INRO_ASSIGN(const UniqueFd tree, CloneTree(access.path, true));
      INRO_TRY(AttachTree(tree.get(), access.path));
    }
    INRO_ASSIGN(const std::vector<std::string> mounts, ListMounts());
    for (const std::string& mount : mounts) {
      std::uint64_t set = 0;
      std::uint64_t clear = 0;
      if (const auto* nearest = Nearest(accesses, mount, Property::kWritable)) {
        if (!nearest->allowed) set |= MOUNT_ATTR_RDONLY;
      }
      if (const auto* nearest = Nearest(accesses, mount, Property::kExecutable)) {
        (nearest->allowed ? clear : set) |= MOUNT_ATTR_NOEXEC;
      }
      if (set == 0 && clear == 0) continue;
      const auto done = SetMountAttributes(mount, set, clear);
      // One that something else is mounted over cannot be reached by anybody.
      const bool named = std::ranges::any_of(
          accesses, [&](const PlannedAccess& access) { return access.path == mount; });
      const int error = done ? 0 : done.error().sys_errno();
      if (!done && (named || (error != ENOENT && error != EINVAL && error != EACCES))) return done;
    }
    return {};
  }

 private:
  bool BelowMount(const std::string& path) const {
    return std::ranges::any_of(
        prepared_, [&](const Prepared& prepared) { return IsBelow(path, prepared.mount->path); });
  }

  static const PlannedAccess* Nearest(const std::vector<PlannedAccess>& accesses,
                                      const std::string& path, Property property) {
    const PlannedAccess* nearest = nullptr;
    for (const PlannedAccess& access : accesses) {
      if (access.property != property || !IsBelow(path, access.path)) continue;
      // Of two names of one place the stricter stands.
      if (nearest == nullptr || access.path.size() > nearest->path.size() ||
          (access.path.size() == nearest->path.size() && !access.allowed)) {
        nearest = &access;
      }
    }
    return nearest;
  }

  const MountPlan& plan_;
  Resolver resolver_;
  std::vector<Prepared> prepared_;
};

}  // namespace

Result<> EnterMountNamespace(const MountPlan& plan) {
  if (::unshare(CLONE_NEWNS) != 0) return FailErrno("make a mount namespace");
  INRO_TRY(SetPropagation("/", MS_SLAVE));
  if (!plan.root.empty() && !IsMountRoot(plan.root)) {
    INRO_ASSIGN(const UniqueFd tree, CloneTree(plan.root, true));
    INRO_TRY(AttachTree(tree.get(), plan.root));
  }
  ::umask(0);
  {
    std::string root = plan.root;
    while (root.size() > 1 && root.ends_with('/')) root.pop_back();
    INRO_ASSIGN(Resolver resolver, Resolver::Open(root));
    Builder builder(plan, std::move(resolver));
    INRO_TRY(builder.Prepare());
    INRO_TRY(builder.Mount());
    INRO_TRY(builder.Restrict());
  }
  if (!plan.root.empty()) INRO_TRY(ChangeRoot(plan.root));
  return SetPropagation("/", plan.propagation);
}

}  // namespace inro::guest::sandbox
