#include "guest/init/timer_schedule.h"

#include <algorithm>

namespace inro::guest {
namespace {

// A sum that stays within "never".
Time Add(Time base, unit::Microseconds delay) {
  return delay >= kNever - base ? kNever : base + delay;
}

// nullopt: it does not count now.
std::optional<Time> BaseOf(unit::TimerBase base, const TimerMoments& moments) {
  const auto latest = [&](Time of_unit) -> std::optional<Time> {
    const Time time = std::max(of_unit, moments.last);
    return time.count() == 0 ? std::nullopt : std::optional(time);
  };
  switch (base) {
    case unit::TimerBase::kActive:
      return moments.activated;
    case unit::TimerBase::kBoot:
      return Time(0);
    case unit::TimerBase::kStartup:
      return moments.startup;
    case unit::TimerBase::kUnitActive:
      return latest(moments.unit_active);
    case unit::TimerBase::kUnitInactive:
      return latest(moments.unit_inactive);
  }
  return std::nullopt;
}

}  // namespace

NextElapse ComputeNextElapse(const unit::TimerSettings& settings, const TimerMoments& moments) {
  NextElapse next;
  for (const unit::MonotonicTimer& timer : settings.monotonic) {
    const auto base = BaseOf(timer.base, moments);
    if (!base) continue;
    const Time at = Add(*base, timer.delay);
    const bool once =
        timer.base != unit::TimerBase::kUnitActive && timer.base != unit::TimerBase::kUnitInactive;
    if (at == kNever || (once && moments.last.count() != 0 && at <= moments.last)) continue;
    if (!next.monotonic || at < *next.monotonic) next.monotonic = at;
  }
  const std::int64_t from = moments.last_wall != 0 ? moments.last_wall : moments.activated_wall;
  for (const unit::CalendarEvent& event : settings.calendar) {
    const auto at = unit::NextElapse(event, from);
    if (at && (!next.wall || *at < *next.wall)) next.wall = at;
  }
  return next;
}

}  // namespace inro::guest
