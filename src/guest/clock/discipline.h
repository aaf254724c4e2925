// What to do with the guest's clock when it was compared with the host's. Pure: no time of its own.
//
// States: *unset* (nothing was read yet) -> *following*.
//   unset      the first reading sets the clock, by a step of whatever it takes: chrony has not
//              started yet. Where chrony runs already (this role was started again), only a jump is
//              stepped.
//   following  an offset of more than a second is a jump (the guest was paused or restored, or
//              somebody set a clock): a step, and chrony has to forget what it knew. Less is
//              chrony's business: it gets the reading. Where there is no chrony for half a minute,
//              the clock is slewed instead.
// Invariant: a step is never made on the strength of a reading whose own error reaches the limit.
#pragma once

#include <cstdint>

#include "guest/clock/clock_seam.h"

namespace inro::guest::clock {

inline constexpr std::int64_t kJump = kSecond;
// Below this, a step at the start is not worth it: chrony does it without one.
inline constexpr std::int64_t kFirstStep = kMillisecond;
inline constexpr std::int64_t kWithoutChrony = 30 * kSecond;

enum class Act {
  kNothing,
  kStep,  // and tell chrony
  kFeed,  // give the reading to chrony
  kSlew,
};

class Discipline {
 public:
  // `now`: CLOCK_MONOTONIC. `chrony`: chronyd listens. `fed`: it wants our readings (it has no
  // device of its own).
  Act Take(const Reading& reading, bool chrony, bool fed, std::int64_t now);
  bool following() const { return following_; }

 private:
  bool following_ = false;
  std::int64_t chrony_seen_ = -1;  // when chrony was there last; -1: not begun to count
};

// Whether `reading` proves that the clock is wrong by more than `limit`.
bool IsOffBy(const Reading& reading, std::int64_t limit);

}  // namespace inro::guest::clock
