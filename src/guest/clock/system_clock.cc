#include <sys/time.h>
#include <sys/timex.h>

#include <ctime>

#include "guest/clock/clock_seam.h"

namespace inro::guest::clock {
namespace {

std::int64_t Now(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::int64_t>(now.tv_sec) * kSecond + now.tv_nsec;
}

}  // namespace

std::int64_t SystemClock::Realtime() const { return Now(CLOCK_REALTIME); }
std::int64_t SystemClock::Monotonic() const { return Now(CLOCK_MONOTONIC); }

Result<> SystemClock::StepBy(std::int64_t nanoseconds) {
  // The kernel adds; to read, add and set here would lose what passes in between.
  timex change{};
  change.modes = ADJ_SETOFFSET | ADJ_NANO;
  change.time.tv_sec = nanoseconds / kSecond;
  change.time.tv_usec = nanoseconds % kSecond;
  if (change.time.tv_usec < 0) {
    change.time.tv_sec -= 1;
    change.time.tv_usec += kSecond;
  }
  if (::adjtimex(&change) < 0) return FailErrno("step the clock by {} ns", nanoseconds);
  return {};
}

Result<> SystemClock::SlewBy(std::int64_t nanoseconds) {
  timeval change{};
  change.tv_sec = nanoseconds / kSecond;
  change.tv_usec = nanoseconds % kSecond / 1000;
  if (::adjtime(&change, nullptr) != 0) return FailErrno("slew the clock by {} ns", nanoseconds);
  return {};
}

}  // namespace inro::guest::clock
