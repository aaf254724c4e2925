// Keeps the guest's clock: a round each few seconds, and whenever the clock was set.
//
// References in their order of preference. One that fails is left alone for a while (a second,
// doubled up to half a minute) and meanwhile the next is used; with none left the guest has no
// reference, and says so.
//
// chronyd selects its source after three samples. While it is about to come, and while it has too
// few of them (it has just started, or was told to forget), there is a round each second instead of
// each four.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guest/clock/chrony.h"
#include "guest/clock/clock_seam.h"
#include "guest/clock/discipline.h"
#include "guest/clock/measure.h"

namespace inro::guest::clock {

// What the role shows (state_text.h).
struct KeeperState {
  std::string reference;  // of the last reading; empty: none yet, or none any more
  std::optional<Reading> reading;
  std::uint64_t readings = 0;
  std::uint64_t steps = 0;
  std::int64_t last_step = 0;     // ns
  std::int64_t last_step_at = 0;  // CLOCK_REALTIME after it
  std::uint64_t fed = 0;
  std::uint64_t resets = 0;
  std::uint64_t losses = 0;  // times that a reference went away
  std::string problem;       // why there is no reference
  bool chrony_runs = false;
  bool chrony_fed = false;  // by this role; else it has a device of its own
  std::optional<Tracking> tracking;
};

class Keeper {
 public:
  static constexpr std::int64_t kInterval = 4 * kSecond;
  static constexpr std::int64_t kQuickInterval = kSecond;
  static constexpr int kQuickRounds = 8;  // in which chrony gets what it needs
  static constexpr std::int64_t kFirstRetry = kSecond;
  static constexpr std::int64_t kLastRetry = 30 * kSecond;
  static constexpr int kStepsAtOnce = 3;

  // All must outlive the keeper. `say` gets a line for each event worth a log.
  Keeper(GuestClock& clock, Chrony& chrony, std::function<void(std::string_view)> say)
      : clock_(clock), chrony_(chrony), say_(std::move(say)) {}
  void AddReference(std::unique_ptr<Reference> reference);

  // One round. Gives how long to wait for the next one, in ns of CLOCK_MONOTONIC.
  std::int64_t Round();
  const KeeperState& state() const { return state_; }

 private:
  struct Source {
    std::unique_ptr<Reference> reference;
    Measure measure;
    std::int64_t retry_at = 0;     // CLOCK_MONOTONIC
    std::int64_t retry_after = 0;  // 0: it worked the last time
  };

  std::optional<Reading> Compare(Source*& used);
  void Failed(Source& source, const Error& error);
  void Step(Source& source, Reading reading);
  void TellChrony(const Reading& reading, Act act);
  void LookForChrony();
  std::int64_t UntilNextRound(const Source* used) const;

  GuestClock& clock_;
  Chrony& chrony_;
  const std::function<void(std::string_view)> say_;
  std::vector<Source> sources_;
  Discipline discipline_;
  int quick_rounds_ = kQuickRounds;  // still to come
  KeeperState state_;
};

}  // namespace inro::guest::clock
