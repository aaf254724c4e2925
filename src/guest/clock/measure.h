// The best of a few exchanges: the one with the shortest way there and back, whose offset is the
// surest.
#pragma once

#include "guest/clock/clock_seam.h"

namespace inro::guest::clock {

class Measure {
 public:
  static constexpr int kMost = 8;

  // Reads up to kMost times, until a round trip is near the shortest seen lately: in a quiet guest
  // one exchange is enough. An error when the first exchange fails.
  Result<Reading> Best(Reference& reference);
  std::int64_t shortest() const { return shortest_; }

 private:
  std::int64_t shortest_ = 0;  // round trip, ns; 0: none yet. Grows slowly, so that it can be met
};

}  // namespace inro::guest::clock
