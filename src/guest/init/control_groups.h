// A control group for each service, below /sys/fs/cgroup/system.slice (v2), or in the hierarchy
// "systemd" without a controller (v1).
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "guest/init/mount_table.h"

namespace inro::guest {

class ControlGroups {
 public:
  // `root` is the mount point of the hierarchy; empty: there are none, and groups are always empty.
  explicit ControlGroups(std::string root, CgroupVersion version)
      : root_(std::move(root)), version_(version) {}

  // Makes the group; gives its directory, invalid when there are no groups.
  Result<UniqueFd> Open(std::string_view unit) const;
  // The file to enter it by writing "0"; empty when there are no groups.
  std::string ProcsFile(std::string_view unit) const;
  bool IsEmpty(std::string_view unit) const;
  // At most 65536 pids, of the group itself (not of groups below it).
  std::vector<pid_t> Processes(std::string_view unit) const;
  // SIGKILL without a race where the kernel has cgroup.kill; else one by one.
  void Kill(std::string_view unit, int signal, pid_t except) const;
  // Removes the group and empty groups below it.
  void Remove(std::string_view unit) const;
  // The unit that a process belongs to; empty for none.
  std::string UnitOf(pid_t pid) const;
  bool available() const { return !root_.empty(); }

 private:
  std::string PathOf(std::string_view unit) const;
  std::string root_;
  CgroupVersion version_;
};

}  // namespace inro::guest
