#include "guest/sandbox/mount_plan.h"

#include <sys/mount.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <tuple>

#include "base/stable_sort.h"

namespace inro::guest::sandbox {
namespace {

using Kind = PlannedMount::Kind;
using Property = PlannedAccess::Property;

constexpr std::string_view kSmallTmpfs = "mode=0755,nosuid,nodev,noexec,strictatime";

// Rows of the Protect*= settings.
struct PathRow {
  std::string_view path;
  enum class What : std::uint8_t { kReadOnly, kWritable, kInaccessible } what;
  bool optional = true;
};
using enum PathRow::What;

constexpr PathRow kKernelTunables[] = {{"/proc/acpi", kReadOnly},
                                       {"/proc/apm", kReadOnly},
                                       {"/proc/asound", kReadOnly},
                                       {"/proc/bus", kReadOnly},
                                       {"/proc/fs", kReadOnly},
                                       {"/proc/irq", kReadOnly},
                                       {"/proc/kallsyms", kInaccessible},
                                       {"/proc/kcore", kInaccessible},
                                       {"/proc/latency_stats", kReadOnly},
                                       {"/proc/mtrr", kReadOnly},
                                       {"/proc/scsi", kReadOnly},
                                       {"/proc/sys", kReadOnly},
                                       {"/proc/sysrq-trigger", kReadOnly},
                                       {"/proc/timer_stats", kReadOnly},
                                       {"/sys", kReadOnly, false},
                                       {"/sys/fs/bpf", kWritable},
                                       {"/sys/fs/cgroup", kWritable},
                                       {"/sys/fs/selinux", kWritable},
                                       {"/sys/kernel/debug", kReadOnly},
                                       {"/sys/kernel/tracing", kReadOnly}};
constexpr PathRow kKernelModules[] = {{"/lib/modules", kInaccessible},
                                      {"/usr/lib/modules", kInaccessible}};
constexpr PathRow kKernelLogs[] = {{"/proc/kmsg", kInaccessible}, {"/dev/kmsg", kInaccessible}};
constexpr PathRow kControlGroups[] = {{"/sys/fs/cgroup", kReadOnly, false}};
constexpr PathRow kSystemYes[] = {
    {"/usr", kReadOnly, false}, {"/boot", kReadOnly}, {"/efi", kReadOnly}, {"/lib", kReadOnly},
    {"/lib64", kReadOnly},      {"/bin", kReadOnly},  {"/sbin", kReadOnly}};
constexpr PathRow kSystemFull[] = {{"/etc", kReadOnly, false}};
constexpr PathRow kSystemStrict[] = {
    {"/", kReadOnly, false}, {"/proc", kWritable},     {"/sys", kWritable}, {"/dev", kWritable},
    {"/home", kWritable},    {"/run/user", kWritable}, {"/root", kWritable}};
constexpr std::string_view kHomes[] = {"/home", "/run/user", "/root"};

class Planner {
 public:
  Planner(const unit::ExecSettings& exec, const MountSources& sources)
      : exec_(exec), sandbox_(exec.sandbox), sources_(sources) {}

  MountPlan Plan() {
    plan_.root = exec_.root_directory == "/" ? "" : exec_.root_directory;
    plan_.propagation = sandbox_.mount_propagation.value_or(MS_SHARED);
    Apis();
    Named();
    Binds();
    Temporary();
    Homes();
    System();
    Kernel();
    Private();
    Sort();
    return std::move(plan_);
  }

 private:
  void Mount(PlannedMount mount) { plan_.mounts.push_back(std::move(mount)); }
  void Access(std::string_view path, Property property, bool allowed, bool optional) {
    plan_.accesses.push_back({std::string(path), property, allowed, optional});
  }
  void Inaccessible(std::string_view path, bool optional) {
    Mount({.path = std::string(path), .kind = Kind::kInaccessible, .optional = optional});
  }
  template <std::size_t kCount>
  void Rows(const PathRow (&rows)[kCount]) {
    for (const PathRow& row : rows) {
      if (row.what == kInaccessible) {
        Inaccessible(row.path, row.optional);
      } else {
        Access(row.path, Property::kWritable, row.what == kWritable, row.optional);
      }
    }
  }

  void Apis() {
    const bool own_proc =
        sandbox_.protect_proc != unit::ProtectProc::kDefault || sandbox_.proc_subset_pid;
    const bool apis = !plan_.root.empty() && sources_.mount_api;
    if (own_proc || apis) {
      constexpr std::string_view kHide[] = {"", "noaccess", "invisible", "ptraceable"};
      const auto hide = kHide[static_cast<std::size_t>(sandbox_.protect_proc)];
      std::string options = hide.empty() ? "" : "hidepid=" + std::string(hide);
      if (sandbox_.proc_subset_pid) options += options.empty() ? "subset=pid" : ",subset=pid";
      Mount({.path = "/proc", .kind = Kind::kProc, .options = options});
    }
    if (sandbox_.private_devices) {
      Mount({.path = "/dev", .kind = Kind::kPrivateDevices});
      // What lies in it are file systems of their own and stays usable.
      for (const char* path : {"/dev/pts", "/dev/shm", "/dev/mqueue", "/dev/hugepages"}) {
        Access(path, Property::kWritable, true, true);
      }
    } else if (apis) {
      Mount({.path = "/dev", .source = "/dev"});
    }
    if (!apis) return;
    Mount({.path = "/sys", .source = "/sys"});
    Mount({.path = "/run", .kind = Kind::kTemporary, .options = "mode=0755,nosuid,nodev"});
    if (!sources_.notify_socket.empty()) {
      Mount({.path = sources_.notify_socket, .optional = true, .source = sources_.notify_socket});
    }
    for (const std::string& path : sources_.directories) {
      if (IsBelow(path, "/run")) Mount({.path = path, .source = path});
    }
  }

  // A path without "+" is one of the system's; one that is not in the service's root is not seen.
  std::optional<std::string> InRoot(const unit::SandboxPath& path) const {
    if (plan_.root.empty() || path.beneath_root) return path.path;
    if (!IsBelow(path.path, plan_.root)) return std::nullopt;
    const std::string inside = path.path.substr(plan_.root.size());
    return inside.empty() ? "/" : inside;
  }

  void Named() {
    for (const auto& path : sandbox_.inaccessible) {
      if (const auto inside = InRoot(path)) Inaccessible(*inside, path.optional);
    }
    const auto add = [&](const std::vector<unit::SandboxPath>& paths, Property property,
                         bool allowed) {
      for (const auto& path : paths) {
        if (const auto inside = InRoot(path)) Access(*inside, property, allowed, path.optional);
      }
    };
    add(sandbox_.read_write, Property::kWritable, true);
    add(sandbox_.read_only, Property::kWritable, false);
    add(sandbox_.exec, Property::kExecutable, true);
    add(sandbox_.no_exec, Property::kExecutable, false);
  }

  void Binds() {
    for (const unit::BindPath& bind : sandbox_.binds) {
      Mount({.path = bind.destination,
             .optional = bind.optional,
             .source = bind.source,
             .recursive = bind.recursive});
      Access(bind.destination, Property::kWritable, !bind.read_only, bind.optional);
    }
  }

  void Temporary() {
    for (const unit::TemporaryFileSystem& entry : sandbox_.temporary) {
      std::string options = "mode=0755,nodev,strictatime";
      bool read_only = false;
      std::string_view rest = entry.options;
      while (!rest.empty()) {
        const std::size_t comma = rest.find(',');
        const std::string_view word = rest.substr(0, comma);
        rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
        if (word == "ro" || word == "rw") {
          read_only = word == "ro";  // once everything in it is mounted
        } else {
          options += ",";
          options += word;
        }
      }
      Mount({.path = entry.path, .kind = Kind::kTemporary, .options = options});
      Access(entry.path, Property::kWritable, !read_only, false);
    }
  }

  void Homes() {
    using unit::ProtectHome;
    for (const std::string_view path : kHomes) {
      switch (sandbox_.protect_home) {
        case ProtectHome::kNo:
          break;
        case ProtectHome::kYes:
          Inaccessible(path, true);
          break;
        case ProtectHome::kReadOnly:
          Access(path, Property::kWritable, false, true);
          break;
        case ProtectHome::kTmpfs:
          Mount({.path = std::string(path),
                 .kind = Kind::kTemporary,
                 .optional = true,
                 .options = std::string(kSmallTmpfs)});
          break;
      }
    }
  }

  void System() {
    using unit::ProtectSystem;
    switch (sandbox_.protect_system) {
      case ProtectSystem::kNo:
        return;
      case ProtectSystem::kFull:
        Rows(kSystemFull);
        [[fallthrough]];
      case ProtectSystem::kYes:
        return Rows(kSystemYes);
      case ProtectSystem::kStrict:
        return Rows(kSystemStrict);
    }
  }

  void Kernel() {
    if (sandbox_.protect_kernel_tunables) Rows(kKernelTunables);
    if (sandbox_.protect_kernel_modules) Rows(kKernelModules);
    if (sandbox_.protect_kernel_logs) Rows(kKernelLogs);
    if (sandbox_.protect_control_groups) Rows(kControlGroups);
  }

  void Private() {
    if (!sources_.tmp.empty()) {
      Mount({.path = "/tmp", .source = sources_.tmp});
      Mount({.path = "/var/tmp", .optional = true, .source = sources_.var_tmp});
      Access("/tmp", Property::kWritable, true, false);
      Access("/var/tmp", Property::kWritable, true, true);
    }
    for (const std::string& path : sources_.directories) {
      Access(path, Property::kWritable, true, true);
      // Of a dynamic user: the folder above is root's alone, and hides those of others.
      const std::size_t above = path.find("/private/");
      if (above == std::string::npos) continue;
      const std::string folder = path.substr(0, above + 8);
      Mount({.path = folder, .kind = Kind::kTemporary, .options = "mode=0755,nosuid,nodev"});
      Mount({.path = path, .source = path});
      Access(folder, Property::kWritable, false, true);
    }
    if (!sources_.credentials.empty()) {
      // Those of other units are not to be seen.
      Mount({.path = "/run/credentials", .kind = Kind::kTemporary, .options = "mode=0755,nosuid"});
      Mount({.path = sources_.credentials, .source = sources_.credentials});
      Access("/run/credentials", Property::kWritable, false, false);
    }
  }

  void Sort() {
    // "/a/b" before "/a-b": a slash sorts before all else.
    const auto key = [](std::string_view path) {
      std::string text(path == "/" ? "" : path);
      std::ranges::replace(text, '/', '\1');
      return text;
    };
    auto& mounts = plan_.mounts;
    StableSort(mounts, [&](const PlannedMount& a, const PlannedMount& b) {
      return std::tuple(key(a.path), a.kind) < std::tuple(key(b.path), b.kind);
    });
    const auto same = std::ranges::unique(mounts, {}, &PlannedMount::path);
    mounts.erase(same.begin(), same.end());
    // What lies below something inaccessible is gone.
    std::string gone;
    std::erase_if(mounts, [&](const PlannedMount& mount) {
      if (!gone.empty() && IsBelow(mount.path, gone)) return true;
      if (mount.kind == Kind::kInaccessible) gone = mount.path;
      return false;
    });
    auto& accesses = plan_.accesses;
    std::erase_if(accesses, [&](const PlannedAccess& access) {
      return std::ranges::any_of(mounts, [&](const PlannedMount& mount) {
        return mount.kind == Kind::kInaccessible && IsBelow(access.path, mount.path);
      });
    });
    StableSort(accesses, [&](const PlannedAccess& a, const PlannedAccess& b) {
      return std::tuple(key(a.path), a.property, a.allowed) <
             std::tuple(key(b.path), b.property, b.allowed);
    });
    const auto twice = std::ranges::unique(accesses, [](const auto& a, const auto& b) {
      return a.path == b.path && a.property == b.property;
    });
    accesses.erase(twice.begin(), twice.end());
  }

  const unit::ExecSettings& exec_;
  const unit::SandboxSettings& sandbox_;
  const MountSources& sources_;
  MountPlan plan_;
};

}  // namespace

bool IsBelow(std::string_view path, std::string_view parent) {
  if (parent == "/" || path == parent) return true;
  return path.size() > parent.size() && path.starts_with(parent) && path[parent.size()] == '/';
}

bool NeedsMountNamespace(const unit::ExecSettings& exec) {
  const unit::SandboxSettings& sandbox = exec.sandbox;
  return sandbox.private_tmp || sandbox.private_devices || sandbox.private_mounts ||
         sandbox.protect_kernel_tunables || sandbox.protect_kernel_modules ||
         sandbox.protect_kernel_logs || sandbox.protect_control_groups ||
         sandbox.protect_system != unit::ProtectSystem::kNo ||
         sandbox.protect_home != unit::ProtectHome::kNo ||
         sandbox.protect_proc != unit::ProtectProc::kDefault || sandbox.proc_subset_pid ||
         !sandbox.read_write.empty() || !sandbox.read_only.empty() ||
         !sandbox.inaccessible.empty() || !sandbox.exec.empty() || !sandbox.no_exec.empty() ||
         !sandbox.binds.empty() || !sandbox.temporary.empty() ||
         sandbox.mount_propagation.value_or(MS_SHARED) != MS_SHARED || exec.dynamic_user ||
         (!exec.root_directory.empty() && exec.root_directory != "/");
}

MountPlan PlanMounts(const unit::ExecSettings& exec, const MountSources& sources) {
  return Planner(exec, sources).Plan();
}

}  // namespace inro::guest::sandbox
