#include "guest/clock/keeper.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "guest/clock/fake_clock.h"
#include "guest/clock/state_text.h"

namespace inro::guest::clock {
namespace {

class KeeperTest : public testing::Test {
 protected:
  KeeperTest() {
    auto host = std::make_unique<FakeReference>(world_, "host");
    host_ = host.get();
    keeper_.AddReference(std::move(host));
  }
  void AddDevice() {
    auto device = std::make_unique<FakeReference>(world_, "ptp_kvm");
    device_ = device.get();
    keeper_.AddReference(std::move(device));
  }
  void Rounds(int count) {
    for (int i = 0; i < count; ++i) world_.Pass(keeper_.Round());
  }
  std::int64_t Error() const { return std::abs(world_.host - world_.guest); }

  FakeWorld world_;
  FakeGuestClock clock_{world_};
  FakeChrony chrony_;
  std::vector<std::string> said_;
  Keeper keeper_{clock_, chrony_, [this](std::string_view line) { said_.emplace_back(line); }};
  FakeReference* host_ = nullptr;
  FakeReference* device_ = nullptr;
};

TEST_F(KeeperTest, ADayWrongIsRightAfterOneRound) {
  world_.guest -= 86'400 * kSecond;
  Rounds(1);
  EXPECT_LT(Error(), kMillisecond);
  EXPECT_EQ(keeper_.state().steps, 1u);
  EXPECT_NEAR(static_cast<double>(keeper_.state().last_step), 86'400e9, 1e6);
  EXPECT_EQ(chrony_.resets, 0) << "chrony does not run yet";
  Rounds(10);
  EXPECT_EQ(keeper_.state().steps, 1u);
}

TEST_F(KeeperTest, BackwardToo) {
  world_.guest += 3600 * kSecond;
  Rounds(1);
  EXPECT_LT(Error(), kMillisecond);
}

TEST_F(KeeperTest, WhatIsRightIsNotStepped) {
  world_.guest += kMillisecond / 2;
  Rounds(5);
  EXPECT_TRUE(clock_.steps.empty());
}

TEST_F(KeeperTest, OnceChronyRunsOnlyAJumpIsStepped) {
  Rounds(1);
  chrony_.runs = true;
  world_.guest -= kSecond / 2;
  Rounds(2);
  EXPECT_TRUE(clock_.steps.empty());
  ASSERT_EQ(chrony_.fed.size(), 2u);
  EXPECT_NEAR(static_cast<double>(chrony_.fed[0].offset), 0.5e9, 1e6);

  world_.PauseGuest(30 * kSecond);
  Rounds(1);
  EXPECT_LT(Error(), kMillisecond);
  EXPECT_EQ(chrony_.resets, 1);
  EXPECT_EQ(chrony_.fed.size(), 2u) << "what chrony is to forget it is not given";
  Rounds(1);
  EXPECT_EQ(chrony_.fed.size(), 3u);
  EXPECT_LT(std::abs(chrony_.fed.back().offset), kMillisecond);
}

TEST_F(KeeperTest, AChronyThatIsNewOrForgotIsFedQuickly) {
  EXPECT_EQ(keeper_.Round(), Keeper::kQuickInterval) << "it may come at any moment";
  Rounds(20);
  EXPECT_EQ(keeper_.Round(), Keeper::kInterval) << "it does not seem to come";
  chrony_.runs = true;
  for (int i = 0; i < Keeper::kQuickRounds; ++i) {
    EXPECT_EQ(keeper_.Round(), Keeper::kQuickInterval) << i;
    world_.Pass(Keeper::kQuickInterval);
  }
  EXPECT_EQ(keeper_.Round(), Keeper::kInterval);
  Rounds(3);

  world_.PauseGuest(30 * kSecond);
  EXPECT_EQ(keeper_.Round(), Keeper::kQuickInterval);
  ASSERT_EQ(chrony_.resets, 1);
  const std::size_t before = chrony_.fed.size();
  const std::int64_t then = world_.monotonic;
  while (keeper_.Round() == Keeper::kQuickInterval) world_.Pass(Keeper::kQuickInterval);
  EXPECT_EQ(chrony_.fed.size() - before, static_cast<std::size_t>(Keeper::kQuickRounds));
  EXPECT_LT(world_.monotonic - then, 10 * kSecond);
}

TEST_F(KeeperTest, ItDoesNotHurryForAChronyWithADevice) {
  Rounds(Keeper::kQuickRounds);
  chrony_.runs = true;
  chrony_.wants = false;
  EXPECT_EQ(keeper_.Round(), Keeper::kInterval);
}

TEST_F(KeeperTest, StartedAgainBesideChronyItDoesNotStepATrifle) {
  chrony_.runs = true;
  world_.guest -= kSecond / 2;
  Rounds(1);
  EXPECT_TRUE(clock_.steps.empty());
  EXPECT_EQ(chrony_.fed.size(), 1u);
}

TEST_F(KeeperTest, ChronyWithADeviceOfItsOwnIsNotFed) {
  chrony_.runs = true;
  chrony_.wants = false;
  Rounds(3);
  EXPECT_TRUE(chrony_.fed.empty());
  world_.PauseGuest(5 * kSecond);
  Rounds(1);
  EXPECT_LT(Error(), kMillisecond);
  EXPECT_EQ(chrony_.resets, 1);
}

TEST_F(KeeperTest, WithoutChronyItSlews) {
  Rounds(1);
  world_.guest -= kSecond / 2;
  Rounds(9);
  EXPECT_TRUE(clock_.slews.empty()) << "chrony may still come";
  Rounds(8);
  ASSERT_FALSE(clock_.slews.empty());
  EXPECT_NEAR(static_cast<double>(clock_.slews[0]), 0.5e9, 1e6);
  EXPECT_TRUE(clock_.steps.empty());
}

TEST_F(KeeperTest, AReadingWithALongWayProvesNothing) {
  Rounds(1);
  chrony_.runs = true;
  // The host answered at once, the answer took six seconds: the offset may be 3 s, or nothing.
  for (int i = 0; i < Measure::kMost; ++i) host_->round_trips.push_back(6 * kSecond);
  Rounds(1);
  EXPECT_TRUE(clock_.steps.empty());
}

TEST_F(KeeperTest, SomebodyElseSetsTheClockMeanwhile) {
  world_.guest -= 100 * kSecond;
  clock_.disturb = -7 * kSecond;
  Rounds(1);
  EXPECT_LT(Error(), kMillisecond);
  EXPECT_EQ(clock_.steps.size(), 2u);
  EXPECT_EQ(keeper_.state().steps, 1u);
}

TEST_F(KeeperTest, AClockThatCannotBeSetIsSaidAndNotTriedForEver) {
  world_.guest -= 100 * kSecond;
  clock_.refuse = true;
  Rounds(1);
  EXPECT_EQ(keeper_.state().steps, 0u);
  EXPECT_NE(StateText(keeper_.state(), 1).find(R"("state":"off")"), std::string::npos);
  ASSERT_FALSE(said_.empty());
}

TEST_F(KeeperTest, TheHostsEndGoesAwayAndComesBack) {
  Rounds(2);
  host_->there = false;
  EXPECT_EQ(keeper_.Round(), Keeper::kFirstRetry);
  EXPECT_TRUE(keeper_.state().reference.empty());
  EXPECT_EQ(keeper_.state().losses, 1u);
  world_.Pass(Keeper::kFirstRetry);
  EXPECT_EQ(keeper_.Round(), 2 * Keeper::kFirstRetry);
  for (int i = 0; i < 10; ++i) world_.Pass(keeper_.Round());
  EXPECT_EQ(keeper_.Round(), Keeper::kLastRetry);
  const auto text = StateText(keeper_.state(), 1);
  EXPECT_NE(text.find(R"("state":"no reference")"), std::string::npos) << text;
  EXPECT_NE(text.find("nobody listens"), std::string::npos) << text;
  // Between retries a round (the clock was set) does not ask: the wait holds.
  const int reads = host_->reads;
  keeper_.Round();
  EXPECT_EQ(host_->reads, reads);

  world_.PauseGuest(20 * kSecond);
  host_->there = true;
  world_.Pass(Keeper::kLastRetry);
  Rounds(1);
  EXPECT_EQ(keeper_.state().reference, "host");
  EXPECT_LT(Error(), kMillisecond);
}

TEST_F(KeeperTest, TheDeviceStepsInForTheHost) {
  AddDevice();
  host_->there = false;
  world_.guest -= 50 * kSecond;
  EXPECT_EQ(keeper_.Round(), Keeper::kQuickInterval);
  EXPECT_EQ(keeper_.state().reference, "ptp_kvm");
  EXPECT_LT(Error(), kMillisecond);
  host_->there = true;
  Rounds(2);
  EXPECT_EQ(keeper_.state().reference, "host");
}

TEST_F(KeeperTest, WithoutAnyReferenceItSaysSo) {
  host_->there = false;
  Rounds(4);
  EXPECT_EQ(said_.size(), 1u) << "once";
  EXPECT_NE(StateText(keeper_.state(), 1).find(R"("reference":null)"), std::string::npos);
}

TEST(Discipline, LimitsHoldAtTheEnds) {
  EXPECT_FALSE(IsOffBy({.offset = kSecond}, kSecond));
  EXPECT_TRUE(IsOffBy({.offset = kSecond + 1}, kSecond));
  EXPECT_TRUE(IsOffBy({.offset = -kSecond - 1}, kSecond));
  EXPECT_FALSE(IsOffBy({.offset = -kSecond - 1, .round_trip = 2}, kSecond));
  EXPECT_TRUE(IsOffBy({.offset = INT64_MIN}, kSecond));
  EXPECT_FALSE(IsOffBy({.offset = INT64_MAX, .round_trip = INT64_MAX}, INT64_MAX));
}

TEST(Measure, TakesTheShortestWay) {
  FakeWorld world;
  FakeReference reference(world, "host");
  Measure measure;
  reference.round_trips = {900'000, 500'000, 200'000, 700'000};
  reference.round_trip = 800'000;
  const auto best = measure.Best(reference);
  ASSERT_TRUE(best.has_value());
  EXPECT_EQ(best->round_trip, 200'000);
  EXPECT_EQ(reference.reads, Measure::kMost);
  // Later one exchange near the shortest is enough.
  reference.round_trips = {250'000};
  EXPECT_TRUE(measure.Best(reference).has_value());
  EXPECT_EQ(reference.reads, Measure::kMost + 1);
  // A host that got slower is not asked eight times for ever.
  reference.round_trip = 2'000'000;
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(measure.Best(reference).has_value());
  reference.reads = 0;
  ASSERT_TRUE(measure.Best(reference).has_value());
  EXPECT_EQ(reference.reads, 1);
}

TEST(StateText, HoldsWhatHostsRead) {
  KeeperState state;
  state.reference = "host";
  state.reading = Reading{.offset = -12, .round_trip = 34, .local = 56};
  state.chrony_runs = true;
  state.chrony_fed = true;
  state.tracking = Tracking{.reference_id = 0x484f5354, .stratum = 1, .leap = 0, .offset = 1e-6};
  const std::string text = StateText(state, 3);
  EXPECT_NE(text.find(R"("state":"synchronised","reference":"host","offset_ns":-12)"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find(R"("chrony":{"running":true,"fed_by":"clock","synchronised":true,)"
                      R"("reference":"HOST","stratum":1,"offset_s":1e-06)"),
            std::string::npos)
      << text;
  EXPECT_EQ(StartsOf(text), 3u);
  EXPECT_EQ(StartsOf("{}"), 0u);
  EXPECT_EQ(StartsOf(""), 0u);
}

}  // namespace
}  // namespace inro::guest::clock
