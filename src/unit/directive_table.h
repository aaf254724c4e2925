// The rows of the directive table by topic. Private to the table.
#pragma once

#include <cstddef>
#include <span>

#include "unit/directive_parse.h"

namespace inro::unit {

extern const std::span<const Directive> kServiceDirectives;    // systemd.service(5)
extern const std::span<const Directive> kExecDirectives;       // systemd.exec(5)
extern const std::span<const Directive> kSandboxDirectives;    // systemd.exec(5), sandboxing
extern const std::span<const Directive> kKillDirectives;       // systemd.kill(5)
extern const std::span<const Directive> kResourceDirectives;   // systemd.resource-control(5)
extern const std::span<const Directive> kSocketDirectives;     // systemd.socket(5)
extern const std::span<const Directive> kTimerDirectives;      // systemd.timer(5)
extern const std::span<const Directive> kMountDirectives;      // systemd.mount(5)
extern const std::span<const Directive> kUnitDirectives;       // systemd.unit(5)
extern const std::span<const Directive> kConditionDirectives;  // without "Condition" and "Assert"
extern const std::span<const Directive> kInstallDirectives;
// Of units that this init does not run.
extern const std::span<const Directive> kPathDirectives;
extern const std::span<const Directive> kSwapDirectives;
extern const std::span<const Directive> kAutomountDirectives;
extern const std::span<const Directive> kScopeDirectives;

// For a static_assert beside each list of rows.
template <std::size_t kCount>
consteval bool IsSorted(const Directive (&rows)[kCount]) {
  for (std::size_t i = 1; i < kCount; ++i) {
    if (!(rows[i - 1].name < rows[i].name)) return false;
  }
  return true;
}

}  // namespace inro::unit
