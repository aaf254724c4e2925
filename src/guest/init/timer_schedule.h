// When a timer unit elapses next (systemd.timer(5)): pure arithmetic on points in time.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "guest/init/job.h"
#include "unit/timer_settings.h"

namespace inro::guest {

// What has happened so far. Monotonic times are 0 for never; wall clocks are microseconds since
// 1970, 0 for never.
struct TimerMoments {
  Time now{0};
  std::int64_t wall = 0;
  Time startup{0};    // when init began to run units
  Time activated{0};  // the timer unit
  std::int64_t activated_wall = 0;
  Time last{0};                // when it elapsed last
  std::int64_t last_wall = 0;  // the same; or from the stamp file of an earlier boot
  Time unit_active{0};         // when the unit that it starts last began to be active
  Time unit_inactive{0};       // when that came down last
};

// The first of all its times, on the clock that counts for it. nullopt of both: never again.
struct NextElapse {
  std::optional<Time> monotonic;
  std::optional<std::int64_t> wall;
};

// A monotonic time of the unit itself or of the boot counts once. Times that have passed are given
// as they are: the timer elapses at once.
NextElapse ComputeNextElapse(const unit::TimerSettings& settings, const TimerMoments& moments);

}  // namespace inro::guest
