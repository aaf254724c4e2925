#include "guest/init/mount_table.h"

#include <sys/mount.h>

#include <array>
#include <string>

#include "unit/text.h"

namespace inro::guest {
namespace {

constexpr unsigned long kSafe = MS_NOSUID | MS_NODEV | MS_NOEXEC;

constexpr MountRow kEarlyMounts[] = {
    {"proc", "/proc", "proc", kSafe, "", true, 0555},
    {"sysfs", "/sys", "sysfs", kSafe, "", true, 0555},
    {"devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=755", true},
};

constexpr MountRow kStandardMounts[] = {
    {"devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "mode=620,ptmxmode=666,gid=5", true},
    {"tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777", true, 01777},
    {"mqueue", "/dev/mqueue", "mqueue", kSafe, "", false, 01777},
    {"tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=20%", true},
    {"tmpfs", "/run/lock", "tmpfs", kSafe, "mode=1777,size=5m", false, 01777},
    {"tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777,size=50%", true, 01777},
    {"securityfs", "/sys/kernel/security", "securityfs", kSafe, "", false},
    {"bpf", "/sys/fs/bpf", "bpf", kSafe, "mode=700", false},
    {"hugetlbfs", "/dev/hugepages", "hugetlbfs", MS_NOSUID | MS_NODEV, "", false},
};

// Kata's list of v1 controllers; each is mounted where the kernel has it enabled.
constexpr std::array<std::string_view, 13> kControllers = {
    "cpu",     "cpuacct",    "blkio",    "cpuset",  "memory", "devices", "freezer",
    "net_cls", "perf_event", "net_prio", "hugetlb", "pids",   "rdma"};

bool IsEnabled(std::string_view controllers, std::string_view name) {
  while (!controllers.empty()) {
    const std::size_t end = controllers.find('\n');
    const auto fields = unit::SplitWords(controllers.substr(0, end));
    controllers.remove_prefix(end == std::string_view::npos ? controllers.size() : end + 1);
    if (fields.size() >= 4 && fields[0] == name) return fields[3] == "1";
  }
  return false;
}

}  // namespace

std::span<const MountRow> EarlyMounts() { return kEarlyMounts; }
std::span<const MountRow> StandardMounts() { return kStandardMounts; }

void MountAll(sys::Mounts& mounts, std::span<const MountRow> rows, KernelLog& log) {
  for (const MountRow& row : rows) {
    const std::string target(row.target);
    if (mounts.IsMountPoint(target)) continue;
    // A failure shows in the mount; on sysfs the points are the kernel's.
    (void)mounts.MakeDirectory(target, row.mode);
    const auto done = mounts.Mount(std::string(row.source), target, std::string(row.type),
                                   row.flags, std::string(row.options));
    if (!done && row.expected) log.Warning("{}", done.error().ToString());
  }
}

CgroupVersion ChooseCgroups(const unit::KernelCommandLine& line) {
  if (line.Last("cgroup_no_v1") == "all") return CgroupVersion::kV2;
  const bool agent = line.Flag("agent.unified_cgroup_hierarchy", true);
  return line.Flag("systemd.unified_cgroup_hierarchy", agent) ? CgroupVersion::kV2
                                                              : CgroupVersion::kV1;
}

CgroupVersion MountCgroups(sys::Mounts& mounts, CgroupVersion version, std::string_view controllers,
                           KernelLog& log) {
  const std::string root = "/sys/fs/cgroup";
  if (mounts.IsMountPoint(root)) return version;
  if (version == CgroupVersion::kV1 && !IsEnabled(controllers, "devices")) {
    log.Warning("this kernel has no v1 devices controller: control groups are v2");
    version = CgroupVersion::kV2;
  }
  if (version == CgroupVersion::kV2) {
    const auto done = mounts.Mount("cgroup2", root, "cgroup2", kSafe | MS_RELATIME, "nsdelegate");
    if (!done) log.Warning("{}", done.error().ToString());
    return version;
  }
  if (const auto done = mounts.Mount("tmpfs", root, "tmpfs", kSafe, "mode=755"); !done) {
    log.Warning("{}", done.error().ToString());
    return version;
  }
  // init keeps its services apart in a hierarchy of its own, without a controller.
  const auto mount_one = [&](const std::string& name, const std::string& options) {
    const std::string target = root + "/" + name;
    (void)mounts.MakeDirectory(target, 0755);
    const auto done = mounts.Mount("cgroup", target, "cgroup", kSafe | MS_RELATIME, options);
    if (!done) log.Warning("{}", done.error().ToString());
  };
  mount_one("systemd", "none,name=systemd,xattr");
  for (const std::string_view name : kControllers) {
    if (IsEnabled(controllers, name)) mount_one(std::string(name), std::string(name));
  }
  const auto done =
      mounts.Mount("tmpfs", root, "tmpfs", kSafe | MS_REMOUNT | MS_RDONLY, "mode=755");
  if (!done) log.Warning("{}", done.error().ToString());
  return version;
}

void ShareMounts(sys::Mounts& mounts, KernelLog& log) {
  const auto done = mounts.Mount("", "/", "", MS_SHARED | MS_REC, "");
  if (!done) log.Warning("share the mounts: {}", done.error().ToString());
}

}  // namespace inro::guest
