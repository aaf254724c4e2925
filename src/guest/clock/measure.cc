#include "guest/clock/measure.h"

#include <algorithm>

namespace inro::guest::clock {

Result<Reading> Measure::Best(Reference& reference) {
  INRO_ASSIGN(Reading best, reference.Read());
  const bool fresh = shortest_ == 0;
  for (int i = 1; i < kMost; ++i) {
    if (!fresh && best.round_trip <= shortest_ + shortest_ / 2) break;
    const auto next = reference.Read();
    if (!next) break;  // what was read is still good
    // Between two readings the clock may have been set: only the later one counts then.
    const bool jumped =
        next->offset - best.offset > kSecond || best.offset - next->offset > kSecond;
    if (jumped || next->round_trip < best.round_trip) best = *next;
  }
  // A guest whose host got busier must not read kMost times for ever.
  if (!fresh) shortest_ += std::max<std::int64_t>(shortest_ / 16, 1);
  if (fresh || best.round_trip < shortest_) shortest_ = std::max<std::int64_t>(best.round_trip, 1);
  return best;
}

}  // namespace inro::guest::clock
