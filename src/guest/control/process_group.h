// The control group in which one program of the host's runs with all that it starts, below the
// role's own. Where there is no cgroup v2 that can be written, it is the process group alone.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace inro::guest::control {

// The folder of this process's own group in cgroup v2, or empty. Removes groups that an earlier
// life of the role has left there.
std::string OwnControlGroup(const std::string& root = "/sys/fs/cgroup");

class ProcessGroup {
 public:
  // `parent`: of OwnControlGroup(); empty: without.
  ProcessGroup(const std::string& parent, std::uint64_t id);
  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;
  // Tries once more to remove the group; what cannot be removed yet is for the next life.
  ~ProcessGroup();

  // For clone3; -1: none.
  int fd() const { return folder_.get(); }
  // SIGKILL to every process in it, and to the process group of `leader`.
  void Kill(pid_t leader);
  // False while processes are in it that have not died yet.
  bool Remove();

 private:
  std::string path_;
  UniqueFd folder_;
};

}  // namespace inro::guest::control
