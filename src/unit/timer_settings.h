// What timer units say (systemd.timer(5)). Plain data.
#pragma once

#include <string>
#include <vector>

#include "unit/calendar.h"
#include "unit/value.h"

namespace inro::unit {

enum class TimerBase { kActive, kBoot, kStartup, kUnitActive, kUnitInactive };

struct MonotonicTimer {
  TimerBase base = TimerBase::kBoot;
  Microseconds delay{0};
};

struct TimerSettings {
  std::vector<MonotonicTimer> monotonic;
  std::vector<CalendarEvent> calendar;
  Microseconds accuracy{60'000'000};
  Microseconds randomized_delay{0};
  bool fixed_random_delay = false, persistent = false, wake_system = false;
  bool remain_after_elapse = true, on_clock_change = false, on_timezone_change = false;
  std::string unit;  // Unit=; empty: the service of the same name
};

}  // namespace inro::unit
