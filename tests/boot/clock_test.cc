// The guest's clock by its effect: a day wrong at boot, a pause of seconds and of half a minute, a
// host clock that jumps, a host's end that goes away. One boot for each init, and one in `make
// check`.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <ctime>
#include <thread>

#include "guest_run.h"
#include "protocol/time_message.h"
#include "vmm/control/clock_state.h"
#include "vmm/time/time_server.h"
#include "wire/address.h"

namespace inro::boot_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::int64_t kSecond = 1'000'000'000;

std::string OneDayAgo() {
  const std::time_t then = std::time(nullptr) - 86'400;
  std::tm parts{};
  ::gmtime_r(&then, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  return text;
}

class ClockTest : public BootTest, public testing::WithParamInterface<image::Variant> {
 protected:
  // The test is the host's end of the time port, with a clock that it can set.
  void ServeTime() {
    wire::Address address;
    address.path = fmt::format("{}_{}", run_->guest().paths().hybrid_socket(), protocol::kTimePort);
    auto listener = wire::Listen(address);
    ASSERT_TRUE(listener.has_value()) << listener.error().ToString();
    std::vector<UniqueFd> listeners;
    listeners.push_back(std::move(*listener));
    vmm::TimeServerOptions options;
    options.clock = [this] {
      vmm::HostTime now = vmm::ReadHostClock();
      now.nanoseconds += jump_;
      return now;
    };
    auto server = vmm::TimeServer::Start(std::move(listeners), std::move(options));
    ASSERT_TRUE(server.has_value());
    server_ = std::move(*server);
  }

  Result<vmm::ClockState> State() {
    INRO_ASSIGN(const auto control, run_->DialControl());
    INRO_ASSIGN(const std::string json, vmm::AskClockState(*control));
    return vmm::ParseClockState(json);
  }
  // The first state that fits; the last one seen when none does in time.
  template <class Fits>
  vmm::ClockState WaitFor(seconds limit, Fits fits) {
    const auto end = std::chrono::steady_clock::now() + limit;
    vmm::ClockState last;
    while (std::chrono::steady_clock::now() < end) {
      if (const auto state = State()) {
        last = *state;
        if (fits(last)) break;
      }
      std::this_thread::sleep_for(milliseconds(200));
    }
    return last;
  }
  static bool IsRight(const vmm::ClockState& state) {
    return state.state == "synchronised" && state.offset_ns &&
           std::abs(*state.offset_ns) < kSecond / 10;
  }
  void ExpectRight(const vmm::ClockState& state) {
    EXPECT_EQ(state.state, "synchronised") << state.problem;
    ASSERT_TRUE(state.offset_ns.has_value());
    EXPECT_LT(std::abs(*state.offset_ns), kSecond / 10);
  }

  // A guest whose RTC is a day behind, and whose host is this test.
  void BootADayWrong() {
    const auto build = BuildOnce(DebianSpec());
    if (!build && NoMirror(build.error())) GTEST_SKIP() << build.error().ToString();
    ASSERT_TRUE(build) << build.error().ToString();
    auto machine = build->Machine(GetParam());
    ASSERT_TRUE(machine) << machine.error().ToString();
    machine->qemu_args = {"-rtc", "base=" + OneDayAgo()};
    auto run = GuestRun::Start(*machine, "clock-" + GetParam().init);
    ASSERT_TRUE(run) << run.error().ToString();
    run_ = std::move(*run);
    // In the place of the supervisor's, long before the guest asks for it.
    ASSERT_NO_FATAL_FAILURE(ServeTime());
    const auto ready = run_->WaitReady();
    ASSERT_TRUE(ready.has_value()) << ready.error().ToString();
  }
  vmm::ClockState WaitForChrony(seconds limit) {
    return WaitFor(limit, [](const auto& now) {
      return now.steps >= 1 && now.tracking.has_value() && now.tracking->synchronised;
    });
  }
  // Stops the guest for so long; gives the state in which that is made up, or the last one.
  vmm::ClockState PauseFor(seconds pause, seconds limit) {
    const vmm::ClockState before = WaitFor(seconds(60), IsRight);
    const std::uint64_t steps = before.steps;
    const auto stopping = std::chrono::steady_clock::now();
    EXPECT_TRUE(run_->guest().Pause().has_value());
    std::this_thread::sleep_for(pause);
    EXPECT_TRUE(run_->guest().Resume().has_value());
    const std::chrono::duration<double> longest = std::chrono::steady_clock::now() - stopping;
    vmm::ClockState state = WaitFor(limit, [&](const auto& now) { return now.steps > steps; });
    EXPECT_EQ(state.steps, steps + 1) << "not made up within " << limit.count() << " s of resume";
    const double step = static_cast<double>(state.last_step_ns) / 1e9;
    EXPECT_GT(step, static_cast<double>(pause.count()) - 1);
    EXPECT_LT(step, longest.count() + 1);
    EXPECT_EQ(state.resets, before.resets + 1) << "chrony was not told";
    state = WaitFor(seconds(60), IsRight);
    ExpectRight(state);
    return state;
  }

  std::atomic<std::int64_t> jump_ = 0;
  std::unique_ptr<vmm::TimeServer> server_;
};

TEST_P(ClockTest, FollowsTheHost) {
  ASSERT_NO_FATAL_FAILURE(BootADayWrong());
  if (IsSkipped()) return;

  // A day wrong at its start. When it was stepped is on the guest's own clock, which is right from
  // that moment on.
  const std::int64_t ready_at = vmm::ReadHostClock().nanoseconds;
  vmm::ClockState state =
      WaitFor(seconds(60), [](const auto& now) { return now.steps >= 1 && now.offset_ns; });
  ExpectRight(state);
  EXPECT_NEAR(static_cast<double>(state.last_step_ns) / 1e9, 86'400, 60);
  EXPECT_LT(state.last_step_at_ns - ready_at, 2 * kSecond) << "later than 2 s after ready";
  RecordProperty("first_step_after_ready_ms",
                 static_cast<int>((state.last_step_at_ns - ready_at) / 1'000'000));

  // chrony takes it from there.
  state = WaitForChrony(seconds(60));
  ASSERT_TRUE(state.tracking.has_value());
  EXPECT_TRUE(state.tracking->synchronised);
  EXPECT_EQ(state.tracking->reference, "HOST");
  EXPECT_EQ(state.chrony_fed_by, "clock");

  // Paused: made up within 10 s.
  state = PauseFor(seconds(8), seconds(10));
  const std::uint64_t before = state.steps - 1;

  // The host's clock jumps an hour back.
  jump_ = -3600 * kSecond;
  state = WaitFor(seconds(10), [&](const auto& now) { return now.steps > before + 1; });
  EXPECT_NEAR(static_cast<double>(state.last_step_ns) / 1e9, -3600, 1);
  jump_ = 0;
  state = WaitFor(seconds(10), [&](const auto& now) { return now.steps > before + 2; });
  ExpectRight(state);

  // The host's end goes away, and comes back.
  server_.reset();
  state = WaitFor(seconds(20), [](const auto& now) { return now.state == "no reference"; });
  EXPECT_EQ(state.state, "no reference");
  EXPECT_EQ(state.losses, 1u);
  EXPECT_FALSE(state.problem.empty());
  ASSERT_NO_FATAL_FAILURE(ServeTime());
  state = WaitFor(seconds(40), [](const auto& now) { return now.state == "synchronised"; });
  ExpectRight(state);

  ASSERT_NO_FATAL_FAILURE(ExpectFindings({"time", "chrony"}));
  ExpectHealthy();
  ExpectPowerOff();
}

TEST_P(ClockTest, HalfAMinuteOfPauseIsMadeUp) {
  ASSERT_NO_FATAL_FAILURE(BootADayWrong());
  if (IsSkipped()) return;
  ASSERT_TRUE(WaitForChrony(seconds(60)).tracking.has_value());
  PauseFor(seconds(30), seconds(10));
  // chrony measures anew and stays with its source: nothing is left to step.
  const auto fed = WaitFor(seconds(60), [](const auto& now) {
    return now.tracking.has_value() && now.tracking->synchronised &&
           std::abs(now.tracking->offset_s) < 0.1;
  });
  ASSERT_TRUE(fed.tracking.has_value());
  EXPECT_EQ(fed.tracking->reference, "HOST");
  EXPECT_LT(std::abs(fed.tracking->offset_s), 0.1);
  ExpectRight(fed);
  ExpectHealthy();
  ExpectPowerOff();
}

// The short form for `make check`: no limit of time but the patience of a loaded machine.
class ClockAtOnce : public ClockTest {};

TEST_P(ClockAtOnce, ADayAndAPauseAreMadeUpAndChronyFollows) {
  ASSERT_NO_FATAL_FAILURE(BootADayWrong());
  if (IsSkipped()) return;
  vmm::ClockState state = WaitForChrony(seconds(120));
  ASSERT_TRUE(state.tracking.has_value());
  EXPECT_TRUE(state.tracking->synchronised);
  EXPECT_EQ(state.tracking->reference, "HOST");
  EXPECT_NEAR(static_cast<double>(state.last_step_ns) / 1e9, 86'400, 120);
  PauseFor(seconds(5), seconds(120));
  ExpectHealthy();
  ExpectPowerOff();
}

INSTANTIATE_TEST_SUITE_P(Short, ClockAtOnce,
                         testing::Values(image::Variant{image::Form::kInitrd, "inro"}),
                         [](const auto& tested) { return tested.param.init; });

INSTANTIATE_TEST_SUITE_P(Inits, ClockTest,
                         testing::Values(image::Variant{image::Form::kInitrd, "inro"},
                                         image::Variant{image::Form::kInitrd, "systemd"}),
                         [](const auto& tested) { return tested.param.init; });

}  // namespace
}  // namespace inro::boot_test
