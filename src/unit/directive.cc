#include "unit/directive.h"

#include <fmt/format.h>

#include <algorithm>

#include "unit/directive_table.h"

namespace inro::unit {
namespace {

constexpr DirectiveSection kSections[] = {
    {"Automount", UnitKind::kAutomount, {&kAutomountDirectives}},
    {"Install", std::nullopt, {&kInstallDirectives}},
    {"Mount",
     UnitKind::kMount,
     {&kMountDirectives, &kExecDirectives, &kSandboxDirectives, &kKillDirectives,
      &kResourceDirectives}},
    {"Path", UnitKind::kPath, {&kPathDirectives}},
    {"Scope", UnitKind::kScope, {&kScopeDirectives, &kKillDirectives, &kResourceDirectives}},
    {"Service",
     UnitKind::kService,
     {&kServiceDirectives, &kExecDirectives, &kSandboxDirectives, &kKillDirectives,
      &kResourceDirectives}},
    {"Slice", UnitKind::kSlice, {&kResourceDirectives}},
    {"Socket",
     UnitKind::kSocket,
     {&kSocketDirectives, &kExecDirectives, &kSandboxDirectives, &kKillDirectives,
      &kResourceDirectives}},
    {"Swap", UnitKind::kSwap, {&kSwapDirectives}},
    {"Timer", UnitKind::kTimer, {&kTimerDirectives}},
    {"Unit", std::nullopt, {&kUnitDirectives}, &kConditionDirectives},
};

const Directive* FindIn(std::span<const Directive> rows, std::string_view name) {
  const auto row = std::ranges::lower_bound(rows, name, {}, &Directive::name);
  return row != rows.end() && row->name == name ? &*row : nullptr;
}

// Takes "Condition" or "Assert" off the front.
bool TakeConditionPrefix(std::string_view& name) {
  for (const std::string_view prefix : {"Condition", "Assert"}) {
    if (name.starts_with(prefix)) {
      name.remove_prefix(prefix.size());
      return true;
    }
  }
  return false;
}

}  // namespace

std::span<const DirectiveSection> DirectiveSections() { return kSections; }

const DirectiveSection* FindSection(std::string_view name) {
  for (const DirectiveSection& section : kSections) {
    if (section.name == name) return &section;
  }
  return nullptr;
}

const Directive* FindDirective(std::string_view section, std::string_view name) {
  const DirectiveSection* found = FindSection(section);
  if (found == nullptr) return nullptr;
  if (found->conditions != nullptr && TakeConditionPrefix(name)) {
    return FindIn(*found->conditions, name);
  }
  for (const auto* rows : found->rows) {
    if (rows == nullptr) break;
    if (const Directive* row = FindIn(*rows, name)) return row;
  }
  return nullptr;
}

Verdict ApplyAssignment(Unit& unit, const SystemFacts& facts, std::string_view section,
                        std::string_view name, std::string_view value, const std::string& file,
                        int line, Findings& findings) {
  const auto report = [&](FindingKind kind, std::string message) {
    findings.push_back({kind, file, line, std::move(message)});
  };
  if (section.starts_with("X-") || name.starts_with("X-")) return Verdict::kHarmless;
  const Directive* row = FindDirective(section, name);
  if (row == nullptr) {
    report(FindingKind::kUnknown, fmt::format("unknown directive {}= in [{}]", name, section));
    return Verdict::kUnknown;
  }
  const DirectiveSection* home = FindSection(section);
  if (home->kind && *home->kind != unit.kind) {
    report(FindingKind::kWarning, fmt::format("[{}] does not belong in {}", section, unit.name));
    return Verdict::kWrong;
  }
  DirectiveContext context{unit, facts, value, *row, name.starts_with("Assert")};
  if (row->parse != nullptr) row->parse(context);
  if (!context.problem.empty()) {
    report(FindingKind::kWarning,
           fmt::format("{}={}: {}", name, value.substr(0, 200), context.problem));
    return Verdict::kWrong;
  }
  if (row->support == Support::kHarmless) return Verdict::kHarmless;
  if (row->support == Support::kEnforced && !context.not_enforced) return Verdict::kEnforced;
  // Turning a sandbox off asks for nothing.
  if (value.empty() || ParseBool(value) == false) return Verdict::kHarmless;
  report(FindingKind::kNotEnforced,
         fmt::format("not enforced under init = inro: {}={}", name, value.substr(0, 200)));
  return Verdict::kNotEnforced;
}

}  // namespace inro::unit
