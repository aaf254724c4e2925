// What role `clock` needs of the system: the guest's clock and who to compare it with.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace inro::guest::clock {

inline constexpr std::int64_t kSecond = 1'000'000'000;
inline constexpr std::int64_t kMillisecond = 1'000'000;

// CLOCK_REALTIME and CLOCK_MONOTONIC, in nanoseconds.
class GuestClock {
 public:
  virtual ~GuestClock() = default;
  virtual std::int64_t Realtime() const = 0;
  virtual std::int64_t Monotonic() const = 0;
  // Adds to CLOCK_REALTIME at once.
  virtual Result<> StepBy(std::int64_t nanoseconds) = 0;
  // Adds to it slowly (adjtime(3), at most 0.5 ms a second); replaces what was asked for before.
  virtual Result<> SlewBy(std::int64_t nanoseconds) = 0;
};

// One comparison with a reference.
struct Reading {
  std::int64_t offset = 0;      // what to add to the guest's clock, ns
  std::int64_t round_trip = 0;  // the offset is wrong by at most half of it, ns
  std::int64_t local = 0;       // the guest's CLOCK_REALTIME when it was made
  bool reference_synchronised = false;
};

class Reference {
 public:
  virtual ~Reference() = default;
  virtual std::string_view name() const = 0;
  // One exchange; blocks for a second at most. An error: the reference is not there.
  virtual Result<Reading> Read() = 0;
};

class SystemClock final : public GuestClock {
 public:
  std::int64_t Realtime() const override;
  std::int64_t Monotonic() const override;
  Result<> StepBy(std::int64_t nanoseconds) override;
  Result<> SlewBy(std::int64_t nanoseconds) override;
};

}  // namespace inro::guest::clock
