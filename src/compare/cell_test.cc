#include "compare/cell.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "compare/feature.h"

namespace inro::compare {
namespace {

Measures SmallMeasures() {
  Measures measures;
  measures.artifact_bytes = 17'000'000;
  measures.ready_over_floor = 1.1;
  return measures;
}

ProbedBoot GoodBoot() {
  ProbedBoot boot;
  boot.ready_ms = 2900;
  boot.agent_version = "0.1.0";
  boot.state.os_release = "ID=debian\nVERSION_CODENAME=bookworm\n";
  for (const char* id : {"agent", "mounts", "distro", "iptables", "chrony"}) {
    boot.findings.push_back({id, true, "seen"});
  }
  return boot;
}

const Cell& Of(const std::vector<Cell>& cells, std::string_view id) {
  return *std::ranges::find(cells, id, &Cell::feature);
}

TEST(Cells, OneForEachFeatureInOrder) {
  const Measures measures = SmallMeasures();
  const auto cells = MakeCells(GoodBoot(), {"apt", "bookworm", 2 << 20, &measures});
  ASSERT_EQ(cells.size(), Features().size());
  for (std::size_t i = 0; i < cells.size(); ++i) EXPECT_EQ(cells[i].feature, Features()[i].id);
  for (const char* id : {"agent", "mounts", "distro", "iptables", "chrony", "small"}) {
    EXPECT_TRUE(Of(cells, id).yes) << id << ": " << Of(cells, id).evidence;
  }
  EXPECT_FALSE(Of(cells, "logs").yes);
  EXPECT_EQ(Of(cells, "logs").evidence, "not implemented");
}

TEST(Cells, NoIsNeverTurnedIntoYes) {
  Measures measures = SmallMeasures();
  measures.setuid_files = 1;
  ProbedBoot boot = GoodBoot();
  boot.findings[0] = {"agent", false, "no process of kata-agent.service runs"};
  const auto cells = MakeCells(boot, {"apt", "trixie", 2 << 20, &measures});
  EXPECT_FALSE(Of(cells, "agent").yes);
  EXPECT_FALSE(Of(cells, "distro").yes) << "bookworm is not trixie";
  EXPECT_FALSE(Of(cells, "small").yes) << "a setuid file";
}

}  // namespace
}  // namespace inro::compare
