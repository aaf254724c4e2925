#include "compare/cell.h"

#include <fmt/format.h>

#include <algorithm>

#include "compare/feature.h"

namespace inro::compare {
namespace {

Cell FromFinding(const ProbedBoot& boot, std::string_view feature) {
  const auto finding = std::ranges::find(boot.findings, feature, &protocol::Finding::feature);
  if (finding == boot.findings.end()) return {std::string(feature), false, "not implemented"};
  return {finding->feature, finding->yes, finding->evidence};
}

// The agent is a unit in the guest, and answered the host.
Cell AgentCell(const ProbedBoot& boot) {
  Cell cell = FromFinding(boot, "agent");
  cell.yes = cell.yes && boot.ready_ms > 0 && !boot.agent_version.empty();
  cell.evidence += fmt::format("; Health/Check SERVING after {:.0f} ms, version {}", boot.ready_ms,
                               boot.agent_version);
  return cell;
}

// The guest runs the distribution that the definition's source names.
Cell DistroCell(const ProbedBoot& boot, const CellFacts& facts) {
  Cell cell = FromFinding(boot, "distro");
  if (cell.yes && !facts.suite.empty() &&
      boot.state.os_release.find("VERSION_CODENAME=" + facts.suite) == std::string::npos) {
    cell.yes = false;
    cell.evidence += fmt::format(" is not {}", facts.suite);
  }
  cell.evidence += fmt::format(", from the definition's source ({})", facts.source);
  return cell;
}

Cell SmallCell(const CellFacts& facts) {
  const Measures& m = *facts.measures;
  Cell cell{"small", false, ""};
  cell.yes = facts.guest_binary_bytes > 0 && facts.guest_binary_bytes <= kSmallBinaryBytes &&
             m.artifact_bytes <= kSmallArtifactBytes && m.setuid_files == 0 &&
             m.ready_over_floor > 0 && m.ready_over_floor <= kSmallReadyOverFloor;
  cell.evidence = fmt::format(
      "inro-guest {:.1f} MB (at most {:.1f}), artifact {:.1f} MB (at most {:.0f}), {} setuid files "
      "(0), ready at {:.2f} x the floor (at most {:.0f})",
      static_cast<double>(facts.guest_binary_bytes) / 1e6,
      static_cast<double>(kSmallBinaryBytes) / 1e6, static_cast<double>(m.artifact_bytes) / 1e6,
      static_cast<double>(kSmallArtifactBytes) / 1e6, m.setuid_files, m.ready_over_floor,
      kSmallReadyOverFloor);
  return cell;
}

}  // namespace

std::vector<Cell> MakeCells(const ProbedBoot& boot, const CellFacts& facts) {
  std::vector<Cell> cells;
  for (const Feature& feature : Features()) {
    if (feature.id == "agent") {
      cells.push_back(AgentCell(boot));
    } else if (feature.id == "distro") {
      cells.push_back(DistroCell(boot, facts));
    } else if (feature.id == "small") {
      cells.push_back(SmallCell(facts));
    } else {
      cells.push_back(FromFinding(boot, feature.id));
    }
  }
  return cells;
}

}  // namespace inro::compare
