#include "guest/control/extension_probe.h"

#include <gtest/gtest.h>

namespace inro::guest::control {
namespace {

protocol::UnitState Unit(std::string name, std::string state, std::uint64_t started,
                         std::uint64_t active) {
  protocol::UnitState unit;
  unit.name = std::move(name);
  unit.state = std::move(state);
  unit.started_us = started;
  unit.active_us = active;
  return unit;
}

TEST(LeadOverAgent, OnlyAnActiveUnitBeforeTheAgentCounts) {
  const auto agent = Unit("kata-agent.service", "active", 500, 900);
  EXPECT_EQ(LeadOverAgent({agent, Unit("x", "active", 100, 300)}, "x"), 200u);
  EXPECT_EQ(LeadOverAgent({agent, Unit("x", "active", 100, 500)}, "x"), 0u);
  EXPECT_FALSE(LeadOverAgent({agent, Unit("x", "active", 100, 501)}, "x"));
  EXPECT_FALSE(LeadOverAgent({agent, Unit("x", "failed", 100, 300)}, "x"));
  EXPECT_FALSE(LeadOverAgent({agent, Unit("x", "active", 100, 0)}, "x"));
  EXPECT_FALSE(LeadOverAgent({agent}, "x"));
  EXPECT_FALSE(LeadOverAgent({Unit("x", "active", 100, 300)}, "x"));
}

}  // namespace
}  // namespace inro::guest::control
