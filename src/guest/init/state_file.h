// /run/inro/units.tsv: the state of all units for whoever may read it (root), so that PID 1 answers
// no questions. Written whole and renamed into place, at most once in kMinInterval.
//
// The first line names the columns, then one line a unit, sorted by name; columns are separated by
// one tab, a value has no tab or line break:
//   unit        real name
//   active      inactive | activating | active | reloading | deactivating | failed, as systemctl
//   says sub         the phase (supervisor.h): running, exited, start, stop-sigterm, auto-restart,
//   ... pid         main process, 0 for none started_us  when it last began to start, microseconds
//   of CLOCK_MONOTONIC; 0: never active_us   when it last was up (ready); 0: never restarts
//   automatic restarts since boot result      success, or why it failed status      STATUS= of its
//   last notification
#pragma once

#include <cstdint>
#include <string>

#include "guest/init/supervisor.h"

namespace inro::guest {

std::string_view ActiveState(UnitPhase phase);
std::string FormatUnits(const Supervisor& supervisor);

class StateFile {
 public:
  static constexpr Time kMinInterval{20'000};

  // `path` lies in a directory that exists; empty: nothing is written.
  explicit StateFile(std::string path) : path_(std::move(path)) {}

  // Writes when something changed and enough time has passed.
  void Update(const Supervisor& supervisor, Time now);
  // When to call Update again; kNever when all is written.
  Time NextDeadline(const Supervisor& supervisor) const;

 private:
  std::string path_;
  std::uint64_t written_ = ~std::uint64_t{0};
  Time last_{-1'000'000};
};

}  // namespace inro::guest
