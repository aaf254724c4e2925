// Jobs: what is to be done to units (systemd.unit(5), org.freedesktop.systemd1(5) "Job Objects").
//
// A unit has at most one job. States: waiting -> running -> over. A job waits for the jobs that
// come before it by Before= and After=; a start waits for a stop of a unit that it is ordered to in
// any way, and stops go in the reverse order. When a job is over, those that waited for it are
// looked at again; what it was waited for by is kept with it, so that this costs no search.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace inro::guest {

using Time = std::chrono::microseconds;  // of the monotonic clock
inline constexpr Time kNever = Time::max();

enum class JobKind : std::uint8_t {
  kStart,
  kStop,
  kRestart,         // a stop, then a start
  kTryRestart,      // the same, of what runs; else nothing
  kReload,          // of what runs
  kReloadOrRestart  // reload where the unit can, else restart
};

enum class JobMode : std::uint8_t {
  kReplace,            // takes the place of a job that asks for the contrary
  kFail,               // an error when there is such a job
  kIsolate,            // stops everything else
  kIgnoreDependencies  // this unit alone
};

enum class JobOutcome : std::uint8_t {
  kPending,
  kDone,
  kFailed,
  kCanceled,    // another job took its place
  kDependency,  // what it requires has failed
  kTimeout,     // JobTimeoutSec=
  kSkipped,     // a condition did not hold: nothing was to be done
  kUnknown      // too long ago
};
std::string_view ToString(JobOutcome outcome);

using JobId = std::uint64_t;  // never 0

struct UnitRun;

struct PendingJob {
  JobId id = 0;
  JobKind kind = JobKind::kStart;
  bool running = false;
  bool after_stop = false;     // a start that waits until the unit has come down
  unsigned waits = 0;          // jobs that must be over first
  std::vector<JobId> unlocks;  // jobs that wait for this one
  std::string problem;         // a unit that it requires cannot be used
  Time deadline = kNever;      // JobTimeoutSec=, or of Type=idle
};

}  // namespace inro::guest
