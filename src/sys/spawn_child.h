// The child's side of spawn.h. Private to it.
#pragma once

#include "sys/spawn.h"

namespace inro::sys {

// Without a setup this is shared with the parent, in whose memory the child runs while that waits.
struct SpawningChild {
  const SpawnRequest& request;
  char* const* argv;
  char* const* environment;
  std::span<char* const> pid_values;  // where in `environment` to write the process id
  bool in_cgroup = false;
  int report = -1;                    // forked: where to say what failed
  const char* failed_step = nullptr;  // not forked
  int failed_errno = 0;
};

inline constexpr std::size_t kPidDigits = 11;  // room at each of `pid_values`, with the NUL

[[noreturn]] void RunSpawningChild(SpawningChild& child);

}  // namespace inro::sys
