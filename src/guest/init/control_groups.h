// Control groups of units: slices are folders (a-b.slice lies in a.slice), units lie in their
// slices, below /sys/fs/cgroup (v2), or in the hierarchy "systemd" without a controller (v1, where
// no resource is limited).
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "guest/init/mount_table.h"
#include "unit/unit.h"

namespace inro::guest {

class ControlGroups {
 public:
  // `root` is the mount point of the hierarchy; empty: there are none, and groups are always empty.
  explicit ControlGroups(std::string root, CgroupVersion version)
      : root_(std::move(root)), version_(version) {}

  // Looks a slice unit up, for its resources; nullptr when there is none.
  using FindUnit = std::function<const unit::Unit*(const std::string& name)>;

  struct Opened {
    UniqueFd directory;              // invalid when there are no groups
    std::vector<std::string> notes;  // limits that could not be set
  };
  // Makes the group, and its slices, where they are not there yet: with `resources`, which are the
  // unit's own and what its sandbox implies.
  // `control`: where the unit's processes live in groups of their own (Delegate=), one beside them.
  // With Delegate= the group becomes the owner's.
  struct Owner {
    uid_t uid = 0;
    gid_t gid = 0;
  };
  Result<Opened> Open(const unit::Unit& unit, const unit::ResourceSettings& resources, bool control,
                      const Owner& owner, const FindUnit& find) const;
  // The file to enter it by writing "0"; empty when there are no groups.
  std::string ProcsFile(const unit::Unit& unit, bool control) const;
  bool IsEmpty(const unit::Unit& unit) const;
  // At most 65536 pids, of the group and the groups below it.
  std::vector<pid_t> Processes(const unit::Unit& unit) const;
  // To all but `except`, also to those that are forked meanwhile: SIGKILL by cgroup.kill where the
  // kernel has it, else one by one in a frozen group.
  void Kill(const unit::Unit& unit, int signal, pid_t except) const;
  // Removes the group and empty groups below it.
  void Remove(const unit::Unit& unit) const;
  // The unit that a process belongs to; empty for none.
  std::string UnitOf(pid_t pid) const;
  // True when the kernel has killed for memory in the group.
  bool HadOomKill(const unit::Unit& unit) const;
  bool available() const { return !root_.empty(); }
  CgroupVersion version() const { return version_; }

 private:
  std::string PathOf(const unit::Unit& unit) const;
  Result<> MakeSlices(std::string_view slice, const FindUnit& find,
                      std::vector<std::string>& notes) const;
  std::string root_;
  CgroupVersion version_;
};

// "/a.slice/a-b.slice" of "a-b.slice"; "" of "-.slice".
std::string PathOfSlice(std::string_view slice);

// The settings for the execution of a unit's commands; nullptr for kinds without any.
const unit::ExecSettings* ExecSettingsOf(const unit::Unit& unit);

}  // namespace inro::guest
