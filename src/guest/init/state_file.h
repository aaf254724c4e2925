// /run/inro/units.tsv: the state of all units for whoever may read it (root), so that PID 1 answers
// no questions. Written whole and renamed into place, at most once in kMinInterval.
//
// The first line names the columns (kStateColumns), then one line a unit, sorted by name; columns
// are separated by one tab, a value has no tab or line break:
//   unit         real name
//   active       inactive | activating | active | reloading | deactivating | failed
//   sub          as systemctl says it: running, exited, start, stop-sigterm, auto-restart, ...
//   pid          main process, 0 for none
//   started_us   when it last began to start, microseconds of CLOCK_MONOTONIC; 0: never
//   active_us    when it last was up (ready); 0: never
//   restarts     automatic restarts since boot
//   result       as systemd's Result=: success, exit-code, signal, timeout, ...
//   status       STATUS= of its last notification
//   control_pid  of a command before or after the main process, 0 for none
//   since_us     when its phase began
//   inactive_us  when it last came down; 0: never
//   exit_code    of the main process: 0 none, 1 exited, 2 killed, 3 dumped (CLD_*)
//   exit_status  its status or signal
//   condition    yes, or no when a condition kept it from starting
//   job          start | stop | restart | reload, empty for none; then its number and state
//   accepted     connections that a socket has taken
//   reason       why it failed or was skipped, for people
//   stopping_us  when it last ceased to be up; 0: never
//   stored       descriptors that are kept for it (FDSTORE=1)
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "guest/init/supervisor.h"

namespace inro::guest {

inline constexpr std::string_view kStateColumns =
    "unit\tactive\tsub\tpid\tstarted_us\tactive_us\trestarts\tresult\tstatus\tcontrol_pid\t"
    "since_us\tinactive_us\texit_code\texit_status\tcondition\tjob\tjob_id\tjob_state\taccepted\t"
    "reason\tstopping_us\tstored";

std::string_view ActiveState(UnitPhase phase);
std::string_view SubState(const UnitRun& run);
std::string FormatUnits(const Supervisor& supervisor);

class StateFile {
 public:
  static constexpr Time kMinInterval{20'000};

  static constexpr Time kRetryInterval{1'000'000};

  // `path` lies in a directory that exists; empty: nothing is written. `say` hears when it cannot
  // be written (a full /run): once, and once when it can again. It is tried until it can.
  explicit StateFile(std::string path, std::function<void(std::string)> say = {})
      : path_(std::move(path)), say_(std::move(say)) {}

  // Writes when something changed and enough time has passed.
  void Update(const Supervisor& supervisor, Time now);
  // Writes at once.
  void Write(const Supervisor& supervisor);
  // When to call Update again; kNever when all is written.
  Time NextDeadline(const Supervisor& supervisor) const;

 private:
  Result<> Replace(const std::string& text) const;

  std::string path_;
  std::function<void(std::string)> say_;
  bool failing_ = false;
  std::uint64_t written_ = ~std::uint64_t{0};
  Time last_{-1'000'000};
  Time interval_ = kMinInterval;
};

}  // namespace inro::guest
