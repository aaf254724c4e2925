// Every maintainer script of the closures that guests are made of is classified, and none of the
// example's is left undone.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "debian_trees.h"
#include "image/finish/finish.h"

namespace inro::image {
namespace {

struct Closure {
  std::string name;
  std::string suite;
  std::vector<std::string> packages;
};

class Closures : public testing::TestWithParam<Closure> {};

TEST_P(Closures, LeaveNoScriptUndone) {
  auto source = Fetch(GetParam().suite, GetParam().packages);
  if (!source) GTEST_SKIP() << "no mirror: " << source.error().ToString();
  ASSERT_FALSE(source->scripts.empty());
  FinishOptions options;
  options.hostname = "guest";
  const auto report = Finish(*source, options);
  ASSERT_TRUE(report.has_value()) << report.error().ToString();
  EXPECT_EQ(report->scripts.size(), source->scripts.size());
  for (const std::string& line : report->NotRunLines()) ADD_FAILURE() << line;
  for (const ScriptReport& script : report->scripts) {
    EXPECT_EQ(script.verdict == ScriptClass::kCovered && script.rules.empty(), false)
        << script.package;
    EXPECT_EQ(script.verdict == ScriptClass::kHarmless && script.why.empty(), false)
        << script.package;
    for (const std::string& rule : script.rules) {
      const bool known =
          std::ranges::any_of(report->rules, [&](const RuleReport& row) { return row.id == rule; });
      EXPECT_TRUE(known) << script.package << ": no rule " << rule << " was applied";
    }
  }
  if (std::getenv("INRO_SHOW") != nullptr) {
    for (const ScriptReport& script : report->scripts) {
      if (script.kind != "postinst" && script.kind != "preinst") continue;
      std::string rules;
      for (const std::string& rule : script.rules) rules += rule + " ";
      std::cout << script.package << " " << script.kind << ": " << ScriptClassName(script.verdict)
                << " [" << rules << "] " << script.why << "\n";
    }
    for (const std::string& note : report->notes) std::cout << "note: " << note << "\n";
    for (const std::string& unit : report->units_left_disabled)
      std::cout << "disabled: " << unit << "\n";
    for (const auto& rule : report->rules) std::cout << rule.id << " " << rule.changes << "\n";
  }
}

INSTANTIATE_TEST_SUITE_P(
    Debian, Closures,
    testing::Values(Closure{"bookworm_guest", "bookworm", kGuestPackages},
                    Closure{"bookworm_full", "bookworm",
                            Join(Join(kGuestPackages, kEssentialPackages), kServicePackages)},
                    Closure{"trixie_guest", "trixie", kGuestPackages},
                    Closure{"trixie_without_systemd", "trixie", {"base-passwd", "chrony", "dash"}},
                    Closure{"trixie_full", "trixie",
                            Join(Join(kGuestPackages, kEssentialPackages), kServicePackages)}),
    [](const auto& closure) { return closure.param.name; });

}  // namespace
}  // namespace inro::image
