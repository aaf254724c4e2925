// What the finishing rules make differently from the maintainer scripts, and why: as data.
#pragma once

#include <span>
#include <string_view>

namespace inro::image {

// One rule of the rule table: paths that it makes and that are the same in mmdebstrap's tree.
struct RuleFidelity {
  std::string_view rule;
  std::string_view same;    // space-separated paths
  std::string_view reason;  // with no path: what is compared instead, or why nothing can be
};

// Paths that differ, by glob ("*" does not cross "/", "**" does).
struct PathDifference {
  std::string_view glob;
  std::string_view reason;
};

std::span<const RuleFidelity> RuleFidelities();
std::span<const PathDifference> PathDifferences();

}  // namespace inro::image
