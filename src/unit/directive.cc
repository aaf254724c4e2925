#include "unit/directive.h"

#include <fmt/format.h>

#include <algorithm>

#include "unit/directive_table.h"

namespace inro::unit {

std::array<std::span<const Directive>, 2> Directives() {
  return {ServiceDirectives(), OtherDirectives()};
}

const Directive* FindDirective(std::string_view section, std::string_view name) {
  const auto rows = section == "Service" ? ServiceDirectives() : OtherDirectives();
  const auto row = std::ranges::lower_bound(
      rows, std::pair(section, name), {},
      [](const Directive& entry) { return std::pair(entry.section, entry.name); });
  if (row == rows.end() || row->section != section || row->name != name) return nullptr;
  return &*row;
}

void ApplyAssignment(Unit& unit, const SystemFacts& facts, std::string_view section,
                     std::string_view name, std::string_view value, const std::string& file,
                     int line, Findings& findings) {
  const auto report = [&](FindingKind kind, std::string message) {
    findings.push_back({kind, file, line, std::move(message)});
  };
  if (section.starts_with("X-") || name.starts_with("X-")) return;
  const Directive* row = FindDirective(section, name);
  if (row == nullptr) {
    report(FindingKind::kUnknown, fmt::format("unknown directive {}= in [{}]", name, section));
    return;
  }
  if (row->support == Support::kHarmless) return;
  if (row->support == Support::kNotEnforced) {
    // Turning a sandbox off asks for nothing.
    if (value.empty() || ParseBool(value) == false) return;
    report(FindingKind::kNotEnforced,
           fmt::format("not enforced under init = inro: {}={}", name, value));
    return;
  }
  if ((section == "Service" && !unit.service) || (section == "Mount" && !unit.mount)) {
    report(FindingKind::kWarning, fmt::format("[{}] does not belong in {}", section, unit.name));
    return;
  }
  DirectiveContext context{unit, facts, value, {}};
  row->parse(context);
  if (!context.problem.empty()) {
    report(FindingKind::kWarning,
           fmt::format("{}={}: {}", name, value.substr(0, 200), context.problem));
  }
}

}  // namespace inro::unit
