#include "guest/clock/discipline.h"

namespace inro::guest::clock {

bool IsOffBy(const Reading& reading, std::int64_t limit) {
  const std::int64_t error = reading.round_trip / 2;
  // Not |offset|: that of the least number does not exist.
  const std::int64_t least = error > INT64_MAX - limit ? INT64_MAX : limit + error;
  return reading.offset > least || reading.offset < -least;
}

Act Discipline::Take(const Reading& reading, bool chrony, bool fed, std::int64_t now) {
  const bool first = !following_;
  following_ = true;
  if (chrony || chrony_seen_ < 0) chrony_seen_ = now;
  if (IsOffBy(reading, first && !chrony ? kFirstStep : kJump)) return Act::kStep;
  if (chrony) return fed ? Act::kFeed : Act::kNothing;
  if (now - chrony_seen_ < kWithoutChrony || !IsOffBy(reading, kFirstStep)) return Act::kNothing;
  return Act::kSlew;
}

}  // namespace inro::guest::clock
