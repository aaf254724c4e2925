#include "guest/init/activator.h"

#include <time.h>

namespace inro::guest {
namespace {

std::int64_t Microseconds(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

}  // namespace

Time SupervisorStarter::Now() const { return Time(Microseconds(CLOCK_MONOTONIC)); }

std::int64_t SupervisorStarter::WallClock() const { return Microseconds(CLOCK_REALTIME); }

}  // namespace inro::guest
