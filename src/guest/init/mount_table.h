// The file systems that every guest has, as data, and their mounting.
#pragma once

#include <span>
#include <string_view>

#include "guest/init/kernel_log.h"
#include "sys/mounts.h"
#include "unit/kernel_command_line.h"

namespace inro::guest {

struct MountRow {
  std::string_view source;
  std::string_view target;
  std::string_view type;
  unsigned long flags;
  std::string_view options;
  // Said at level warning when it fails; else the kernel just may not have it.
  bool expected;
  unsigned mode = 0755;  // of the mount point, when it has to be made
};

// What finding the root needs: /proc, /sys, /dev.
std::span<const MountRow> EarlyMounts();
// The rest, for init = inro; systemd mounts them itself.
std::span<const MountRow> StandardMounts();

// Mounts each row whose target is no mount point yet. Never fails: what cannot be mounted is said.
void MountAll(sys::Mounts& mounts, std::span<const MountRow> rows, KernelLog& log);

// Control groups: v2 unless the command line asks for v1 in the way Kata's agent or systemd
// understand it (facts.md, C.1; systemd.unified_cgroup_hierarchy=0,
// agent.unified_cgroup_hierarchy).
enum class CgroupVersion { kV1, kV2 };
CgroupVersion ChooseCgroups(const unit::KernelCommandLine& line);
// `controllers`: the content of /proc/cgroups (v1 mounts one hierarchy for each enabled one).
// What was mounted in the end.
CgroupVersion MountCgroups(sys::Mounts& mounts, CgroupVersion version, std::string_view controllers,
                           KernelLog& log);

// Makes all mounts shared, as systemd does: a service with a mount namespace of its own sees what
// is mounted later (MountFlags=, systemd.exec(5)).
void ShareMounts(sys::Mounts& mounts, KernelLog& log);

}  // namespace inro::guest
