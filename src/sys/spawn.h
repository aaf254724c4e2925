// Starts a program from a small, single-threaded parent without copying its memory.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace inro::sys {

// What the child becomes. Everything is worked out beforehand: between clone and exec only system
// calls are made.
struct SpawnRequest {
  std::string program;  // a path
  std::vector<std::string> argv;
  std::vector<std::string> environment;  // NAME=VALUE
  // Become 0, 1 and 2 of the child, which has no other descriptors.
  std::array<int, 3> streams{-1, -1, -1};
  int cgroup = -1;                    // directory of a v2 group to start in; -1: the parent's
  std::string cgroup_procs;           // v1, or kernels before 5.7: the file to write "0" to
  bool controlling_terminal = false;  // stream 0 becomes the controlling terminal
  std::string working_directory = "/";
  bool working_directory_optional = false;
  mode_t umask = 022;
  std::optional<uid_t> uid;  // with gid: set, with `groups`
  gid_t gid = 0;
  std::vector<gid_t> groups;
  std::vector<std::pair<int, rlimit64>> limits;
  std::optional<int> nice;
  std::optional<int> oom_score_adjust;
  std::uint64_t dropped_capabilities = 0;  // bits taken out of the bounding set
  std::uint64_t ambient_capabilities = 0;
  bool no_new_privileges = false;
  bool ignore_sigpipe = false;
};

// Starts the program in a new session, all signals at their defaults and unblocked. Returns when
// the child has executed it: an error names the step that failed, with its errno. The caller must
// be single-threaded and stands still in between (CLONE_VFORK).
Result<pid_t> Spawn(const SpawnRequest& request);

// Looks `name` up in the folders of `path` ("/usr/bin:/bin"). An absolute name is given back.
std::string FindProgram(const std::string& name, const std::string& path);

}  // namespace inro::sys
