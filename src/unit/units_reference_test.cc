// docs/units.md is made from the rows of the directive table. When this test says that it is out of
// step: run it with INRO_UPDATE_GOLDEN=1.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "sys/file.h"
#include "unit/directive.h"

namespace inro::unit {
namespace {

constexpr char kHead[] =
    R"(# Unit files under init = inro

<!-- Made from the directive table in src/unit; do not edit. -->

init = inro reads the unit files that systemd reads: search path, drop-ins, aliases, masks,
templates, presets, `.wants/`, `.requires/` and `.upholds/` folders, specifiers and implicit
dependencies as in systemd.unit(5). It runs `service`, `socket`, `timer`, `mount`, `target` and `slice`
units. `path`, `swap`, `automount`, `scope` and `device` units are not run. Calendar expressions
know UTC and no other time zone. `inro units check` says for any unit file what becomes of each line.

Every directive is in one of three classes:

- **supported**: it does what systemd's manual says.
- **ignored harmlessly**: it has no effect here, and nothing is lost by that.
- **not enforced**: a promise that this init does not keep. The build says so, once for each use.

Directives in no table below are unknown and are said to be. Names that start with `X-` are ignored.

## Where it is not like systemd 252

Found by the conformance cases, or known from the code; what no row names is meant to be the same.

| what | systemd | init = inro |
|---|---|---|
| a cycle of orderings, all required by what is booted | freezes | the cycle is broken at one ordering, and named in the log |
| `SuccessActionExitStatus=`, `FailureActionExitStatus=` | exit status of a container's PID 1 | without effect: a virtual machine powers off |
| `ConditionNeedsUpdate=` | compares `.updated` with `/usr` | false: a guest's tree is complete |
| `systemctl show` | all properties | those that scripts read; with `-p`, one that this kind of unit does not have is shown empty |
| `org.freedesktop.systemd1` on the bus | there | not there: `SystemdService=` of D-Bus activation does not start a unit |
)";

constexpr std::pair<Support, const char*> kClasses[] = {
    {Support::kEnforced, "supported"},
    {Support::kHarmless, "ignored harmlessly"},
    {Support::kNotEnforced, "not enforced"},
};

std::string Reference() {
  std::map<std::string_view, std::map<Support, std::string>> sections;
  std::map<Support, std::size_t> counts;
  const auto add = [&](std::string_view section, const Directive& row, std::string_view prefix) {
    std::string& list = sections[section][row.support];
    list += list.empty() ? "`" : ", `";
    list += std::string(prefix) + std::string(row.name) + "=`";
    ++counts[row.support];
  };
  for (const DirectiveSection& section : DirectiveSections()) {
    std::map<std::string_view, const Directive*> sorted;
    for (const auto* rows : section.rows) {
      if (rows == nullptr) break;
      for (const Directive& row : *rows) sorted.try_emplace(row.name, &row);
    }
    for (const auto& [name, row] : sorted) add(section.name, *row, "");
    if (section.conditions == nullptr) continue;
    for (const std::string_view prefix : {"Condition", "Assert"}) {
      for (const Directive& row : *section.conditions) add(section.name, row, prefix);
    }
  }
  std::string text = kHead;
  text += "\n| class | directives |\n|---|---|\n";
  for (const auto& [support, word] : kClasses) {
    text += std::string("| ") + word + " | " + std::to_string(counts[support]) + " |\n";
  }
  for (const auto& [section, lists] : sections) {
    text += "\n## [" + std::string(section) + "]\n\n| class | directives |\n|---|---|\n";
    for (const auto& [support, word] : kClasses) {
      const auto list = lists.find(support);
      if (list == lists.end()) continue;
      text += std::string("| ") + word + " | " + list->second + " |\n";
    }
  }
  return text;
}

TEST(UnitsReference, DocsUnitsIsInStep) {
  const std::string path = INRO_SOURCE_DIR "/docs/units.md";
  const std::string wanted = Reference();
  if (std::getenv("INRO_UPDATE_GOLDEN") != nullptr) {
    ASSERT_TRUE(sys::WriteFile(path, wanted));
  }
  const auto found = sys::ReadFile(path);
  ASSERT_TRUE(found) << found.error().ToString();
  EXPECT_EQ(*found, wanted) << "run this test with INRO_UPDATE_GOLDEN=1 and commit docs/units.md";
}

}  // namespace
}  // namespace inro::unit
