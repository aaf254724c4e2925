// Starts a program from a small, single-threaded parent. A plain one is started without copying the
// parent's memory; one that needs more than system calls between clone and exec (a ChildSetup), or
// may have to wait, by a fork, for which the parent does not wait.
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
#include "base/unique_fd.h"
#include "sys/controlling_terminal.h"

namespace inro::sys {

// What a child ends with when it cannot become its program (systemd.exec(5), "PROCESS EXIT CODES").
enum ChildExit : int {
  kExitChdir = 200,
  kExitNice = 201,
  kExitFds = 202,
  kExitExec = 203,
  kExitMemory = 204,
  kExitLimits = 205,
  kExitOomAdjust = 206,
  kExitSignalMask = 207,
  kExitStdin = 208,
  kExitStdout = 209,
  kExitChroot = 210,
  kExitIoPriority = 211,
  kExitTimerSlack = 212,
  kExitSecureBits = 213,
  kExitScheduler = 214,
  kExitCpuAffinity = 215,
  kExitGroup = 216,
  kExitUser = 217,
  kExitCapabilities = 218,
  kExitCgroup = 219,
  kExitSetsid = 220,
  kExitStderr = 222,
  kExitPam = 224,
  kExitNetwork = 225,
  kExitNamespace = 226,
  kExitNoNewPrivileges = 227,
  kExitSeccomp = 228,
  kExitPersonality = 230,
  kExitAddressFamilies = 232,
  kExitRuntimeDirectory = 233,
  kExitStateDirectory = 238,
  kExitCacheDirectory = 239,
  kExitLogsDirectory = 240,
  kExitConfigurationDirectory = 241,
  kExitCredentials = 243,
};
// "EXEC" of 203; empty when there is no name.
std::string_view ChildExitName(int code);

struct ChildFailure {
  int exit_code = 0;
  std::string reason;
};

// What a forked child does to itself before it becomes its program. It has its parent's memory to
// itself and may allocate. nullopt: done.
class ChildSetup {
 public:
  virtual ~ChildSetup() = default;
  // With all privileges of the parent, before users, capabilities and limits are set.
  virtual std::optional<ChildFailure> Enter() = 0;
  // Last, as the user that the program will be: only execve(2) follows.
  virtual std::optional<ChildFailure> Restrict() = 0;
};

// What the child becomes. Everything is worked out beforehand: without a `setup` only system calls
// are made between clone and exec.
struct SpawnRequest {
  std::string program;  // a path
  std::vector<std::string> argv;
  std::vector<std::string> environment;  // NAME=VALUE
  // Variables that get the child's own process id.
  std::vector<std::string_view> pid_variables;
  // Become 0, 1 and 2 of the child.
  std::array<int, 3> streams{-1, -1, -1};
  // Become 3 and up; the child has no others.
  std::vector<int> passed;
  bool passed_non_blocking = false;
  int cgroup = -1;                    // directory of a v2 group to start in; -1: the parent's
  std::string cgroup_procs;           // v1, or kernels before 5.7: the file to write "0" to
  bool controlling_terminal = false;  // stream 0 becomes the controlling terminal
  // kWait: the child is forked, and waits where nobody waits for it; needs the terminal's path.
  TerminalClaim terminal_claim = TerminalClaim::kTake;
  std::string terminal_path;
  std::string working_directory = "/";
  bool working_directory_optional = false;
  mode_t umask = 022;
  std::optional<uid_t> uid;  // with gid: set, with `groups`
  gid_t gid = 0;
  std::vector<gid_t> groups;
  std::vector<std::pair<int, rlimit64>> limits;
  std::optional<int> nice;
  std::optional<int> oom_score_adjust;
  std::vector<unsigned> cpu_affinity;
  std::optional<int> cpu_policy;  // SCHED_*, with SCHED_RESET_ON_FORK
  int cpu_priority = 0;
  std::optional<int> io_priority;  // as for ioprio_set(2)
  std::optional<std::uint64_t> timer_slack_ns;
  std::optional<unsigned long> personality;
  unsigned secure_bits = 0;
  std::uint64_t dropped_capabilities = 0;  // bits taken out of the bounding set
  std::uint64_t ambient_capabilities = 0;
  bool no_new_privileges = false;
  bool ignore_sigpipe = false;
  ChildSetup* setup = nullptr;  // not null: the child is forked
  int fail_with = 0;            // not 0: the child ends with this at once, and is nothing more
};

// A child of the caller, which has to wait for it.
struct SpawnedChild {
  pid_t pid = -1;
  // Of a forked child: its end closes when the program is executed; before that the reason can be
  // read from it when it is not. Non-blocking.
  UniqueFd report;
  // Of another: why it does not execute the program. It has ended, with one of ChildExit.
  std::optional<Error> failure;
};

// Starts the program in a new session, all signals at their defaults and unblocked. Without a
// `setup` the caller stands still until the child executes or has ended (CLONE_VFORK). An error: no
// process could be made. The caller must be single-threaded.
Result<SpawnedChild> SpawnChild(const SpawnRequest& request);

// The same for a request without a setup; a child that could not execute is waited for, and is an
// error that names the step that failed, with its errno.
Result<pid_t> Spawn(const SpawnRequest& request);

// Looks `name` up in the folders of `path` ("/usr/bin:/bin"). An absolute name is given back.
std::string FindProgram(const std::string& name, const std::string& path);

}  // namespace inro::sys
