// A guest's clock, references and chrony in memory, for tests.
#pragma once

#include <vector>

#include "guest/clock/chrony.h"
#include "guest/clock/clock_seam.h"

namespace inro::guest::clock {

// The world's time is that of the host; the guest's clock is `offset` behind it.
struct FakeWorld {
  std::int64_t host = 1'700'000'000 * kSecond;
  std::int64_t monotonic = 0;
  std::int64_t guest = 1'700'000'000 * kSecond;
  // Time passes for both; while the guest is paused, for the host alone.
  void Pass(std::int64_t nanoseconds) {
    host += nanoseconds;
    guest += nanoseconds;
    monotonic += nanoseconds;
  }
  void PauseGuest(std::int64_t nanoseconds) { host += nanoseconds; }
};

class FakeGuestClock final : public GuestClock {
 public:
  explicit FakeGuestClock(FakeWorld& world) : world_(world) {}
  std::int64_t Realtime() const override { return world_.guest; }
  std::int64_t Monotonic() const override { return world_.monotonic; }
  Result<> StepBy(std::int64_t nanoseconds) override {
    if (refuse) return Fail("not allowed");
    steps.push_back(nanoseconds);
    world_.guest += nanoseconds + disturb;
    disturb = 0;
    return {};
  }
  Result<> SlewBy(std::int64_t nanoseconds) override {
    slews.push_back(nanoseconds);
    return {};
  }
  bool refuse = false;
  std::int64_t disturb = 0;  // somebody else sets the clock at the same time as the next step
  std::vector<std::int64_t> steps;
  std::vector<std::int64_t> slews;

 private:
  FakeWorld& world_;
};

class FakeReference final : public Reference {
 public:
  FakeReference(FakeWorld& world, std::string_view name) : world_(world), name_(name) {}
  std::string_view name() const override { return name_; }
  Result<Reading> Read() override {
    ++reads;
    if (!there) return FailAs(ErrorKind::kClosed, "nobody listens");
    const std::int64_t trip = round_trips.empty() ? round_trip : round_trips.front();
    if (!round_trips.empty()) round_trips.erase(round_trips.begin());
    // All of the way is on one side: the worst case.
    world_.Pass(trip);
    return Reading{.offset = world_.host - world_.guest + trip / 2,
                   .round_trip = trip,
                   .local = world_.guest,
                   .reference_synchronised = true};
  }
  bool there = true;
  std::int64_t round_trip = 100'000;
  std::vector<std::int64_t> round_trips;  // of the next readings
  int reads = 0;

 private:
  FakeWorld& world_;
  const std::string_view name_;
};

class FakeChrony final : public Chrony {
 public:
  bool WantsSamples() const override { return runs && wants; }
  bool Runs() const override { return runs; }
  Result<> Feed(const Reading& reading) override {
    fed.push_back(reading);
    return {};
  }
  Result<> ResetSources() override {
    ++resets;
    return {};
  }
  Result<Tracking> AskTracking() override { return Tracking{.reference_id = 1, .leap = 0}; }
  bool runs = false;
  bool wants = true;
  std::vector<Reading> fed;
  int resets = 0;
};

}  // namespace inro::guest::clock
