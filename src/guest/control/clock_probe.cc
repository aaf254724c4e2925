#include "guest/control/clock_probe.h"

#include <sys/timex.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <ctime>

#include "sys/file.h"

namespace inro::guest::control {
namespace {

constexpr const char* kStatePath = "/run/inro/state/clock.json";
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kAway = 5 * kSecond;
constexpr std::int64_t kLimit = 10 * kSecond;
constexpr std::int64_t kLargestOffset = kSecond / 5;

std::int64_t Now(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::int64_t>(now.tv_sec) * kSecond + now.tv_nsec;
}

// How far the wall clock is from where it would be had nobody set it since `start`.
std::int64_t Shift(std::int64_t start) {
  return Now(CLOCK_REALTIME) - Now(CLOCK_MONOTONIC) - start;
}

Result<> StepBy(std::int64_t seconds) {
  timex change{};
  change.modes = ADJ_SETOFFSET;
  change.time.tv_sec = seconds;
  if (::adjtimex(&change) < 0) return FailErrno("step the clock by {} s", seconds);
  return {};
}

double Milliseconds(std::int64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e6; }

}  // namespace

std::optional<std::int64_t> ClockNumber(std::string_view json, std::string_view key) {
  const std::string quoted = fmt::format("\"{}\":", key);
  const std::size_t at = json.find(quoted);
  if (at == std::string_view::npos) return std::nullopt;
  std::int64_t value = 0;
  const char* const first = json.data() + at + quoted.size();
  const auto [end, error] = std::from_chars(first, json.data() + json.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

Result<std::string> ProbeClock() {
  std::string state;
  std::optional<std::int64_t> offset;
  // The role may be at its very first exchange.
  for (int i = 0; i < 50; ++i) {
    state = sys::ReadFile(kStatePath, 16 * 1024).value_or("");
    offset = ClockNumber(state, "offset_ns");
    if (state.find(R"("state":"synchronised")") != std::string::npos && offset) break;
    offset.reset();
    ::usleep(100'000);
  }
  if (!offset) return Fail("role clock is not synchronised: {}", state.substr(0, 300));
  if (std::abs(*offset) > kLargestOffset) {
    return Fail("the clock is {:.3f} ms from its reference", Milliseconds(*offset));
  }
  const bool host = state.find(R"("reference":"host")") != std::string::npos;
  const std::int64_t steps = ClockNumber(state, "steps").value_or(0);

  const std::int64_t start = Now(CLOCK_REALTIME) - Now(CLOCK_MONOTONIC);
  INRO_TRY(StepBy(-kAway / kSecond));
  const std::int64_t began = Now(CLOCK_MONOTONIC);
  while (Now(CLOCK_MONOTONIC) - began < kLimit && std::abs(Shift(start)) > kLargestOffset) {
    ::usleep(5'000);
  }
  const std::int64_t took = Now(CLOCK_MONOTONIC) - began;
  const std::int64_t left = Shift(start);
  if (std::abs(left) > kLargestOffset) {
    INRO_TRY(StepBy(-left / kSecond));
    return Fail("set 5 s wrong, the clock was still {:.3f} s wrong after {:.0f} s",
                Milliseconds(left) / 1e3, Milliseconds(took) / 1e3);
  }
  return fmt::format(
      "by {}: offset {:+.3f} ms, round trip {:.3f} ms, {} steps; set 5 s wrong, right again after "
      "{:.0f} ms to {:+.3f} ms",
      host ? "the host's clock over vsock" : "/dev/ptp0 of ptp_kvm", Milliseconds(*offset),
      Milliseconds(ClockNumber(state, "round_trip_ns").value_or(0)), steps, Milliseconds(took),
      Milliseconds(left));
}

}  // namespace inro::guest::control
