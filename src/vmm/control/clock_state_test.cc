#include "vmm/control/clock_state.h"

#include <gtest/gtest.h>

namespace inro::vmm {
namespace {

TEST(ClockState, OfAGuest) {
  const auto state = ParseClockState(
      R"({"state":"synchronised","reference":"host","offset_ns":-1200,"round_trip_ns":90000,)"
      R"("measured_at_ns":1700000000000000000,"host_synchronised":true,"readings":7,"steps":1,)"
      R"("last_step_ns":86400000000000,"last_step_at_ns":1700000000000000000,"fed":6,"resets":0,)"
      R"("losses":0,"starts":1,"chrony":{"running":true,"fed_by":"clock","synchronised":true,)"
      R"("reference":"HOST","stratum":1,"offset_s":1e-06,"skew_ppm":null}})");
  ASSERT_TRUE(state.has_value()) << state.error().ToString();
  EXPECT_EQ(state->state, "synchronised");
  EXPECT_EQ(state->offset_ns, -1200);
  EXPECT_EQ(state->last_step_ns, 86'400'000'000'000);
  EXPECT_TRUE(state->chrony_running);
  ASSERT_TRUE(state->tracking.has_value());
  EXPECT_EQ(state->tracking->reference, "HOST");
  EXPECT_DOUBLE_EQ(state->tracking->offset_s, 1e-6);
  EXPECT_EQ(state->tracking->skew_ppm, 0);
}

TEST(ClockState, WithoutAReference) {
  const auto state = ParseClockState(
      R"({"state":"no reference","reference":null,"problem":"nobody","chrony":{"running":false}})");
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(state->reference, "");
  EXPECT_FALSE(state->offset_ns.has_value());
  EXPECT_FALSE(state->tracking.has_value());
}

TEST(ClockState, WhatIsWrongIsMissing) {
  EXPECT_FALSE(ParseClockState("").has_value());
  EXPECT_FALSE(ParseClockState("[]").has_value());
  const auto state = ParseClockState(R"({"state":5,"steps":"x","chrony":[]})");
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(state->state, "");
  EXPECT_EQ(state->steps, 0u);
}

}  // namespace
}  // namespace inro::vmm
