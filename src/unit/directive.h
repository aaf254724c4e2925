// The table of all directives that init = inro knows: one row each says what it means here. The
// parser, the host's check of units and the documentation use the same rows.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "unit/finding.h"
#include "unit/unit.h"

namespace inro::unit {

enum class Support {
  kEnforced,
  kHarmless,     // has no effect here, and nothing is lost by that
  kNotEnforced,  // a promise (a sandbox, a limit) that this init does not keep
};

// What a row's parser gets.
struct DirectiveContext {
  Unit& unit;
  const SystemFacts& facts;
  std::string_view value;  // trimmed; empty resets
  std::string problem;     // set by the parser: what is wrong with the value
};

struct Directive {
  std::string_view section;
  std::string_view name;
  Support support;
  void (*parse)(DirectiveContext&);  // nullptr unless enforced
};

// The table, in two parts ([Service], and the rest), each sorted by section and name.
std::array<std::span<const Directive>, 2> Directives();

// nullptr when there is no such directive.
const Directive* FindDirective(std::string_view section, std::string_view name);

// Applies one assignment of a unit's file; what cannot be used becomes a finding.
void ApplyAssignment(Unit& unit, const SystemFacts& facts, std::string_view section,
                     std::string_view name, std::string_view value, const std::string& file,
                     int line, Findings& findings);

}  // namespace inro::unit
