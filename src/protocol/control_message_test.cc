#include "protocol/control_message.h"

#include <gtest/gtest.h>

namespace inro::protocol {
namespace {

TEST(ControlMessage, StateRoundTrips) {
  StateResponse sent;
  sent.monotonic_us = 5'000'000'000;
  sent.init = "inro-guest";
  sent.units.push_back({"chrony.service", "active", 42, 7, 9, ""});
  sent.processes.push_back({42, "chronyd", "chrony.service", 3000, 1500, false, 100});
  sent.processes.push_back({2, "kthreadd", "", 0, 0, true, 0});
  StateResponse got;
  ASSERT_TRUE(Decode(Encode(sent), got));
  EXPECT_EQ(got.monotonic_us, 5'000'000'000u);
  EXPECT_EQ(got.init, "inro-guest");
  ASSERT_EQ(got.units.size(), 1u);
  EXPECT_EQ(got.units[0].active_us, 9u);
  ASSERT_EQ(got.processes.size(), 2u);
  EXPECT_EQ(got.processes[0].uid, 100u);
  EXPECT_TRUE(got.processes[1].kernel_thread);
}

TEST(ControlMessage, ProbeRoundTripsAndSurvivesCutBytes) {
  ProbeResponse sent;
  sent.findings = {{"mounts", true, "all there"}, {"chrony", false, "no chronyd"}};
  const std::string bytes = Encode(sent);
  ProbeResponse got;
  ASSERT_TRUE(Decode(bytes, got));
  ASSERT_EQ(got.findings.size(), 2u);
  EXPECT_EQ(got.findings[1].evidence, "no chronyd");
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    ProbeResponse partial;
    (void)Decode(std::string_view(bytes).substr(0, length), partial);
  }
  ProbeResponse broken;
  EXPECT_FALSE(Decode("\x0a\x7f", broken));
}

}  // namespace
}  // namespace inro::protocol
