// The table of all directives that init = inro knows: one row each says what it means here. The
// parser, the host's check of units and the documentation use the same rows. Sections that share
// settings (systemd.exec(5), systemd.kill(5), systemd.resource-control(5)) share their rows.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "unit/finding.h"
#include "unit/unit.h"

namespace inro::unit {

enum class Support : std::uint8_t {
  kEnforced,
  kHarmless,     // has no effect here, and nothing is lost by that
  kNotEnforced,  // a promise (a sandbox, a limit) that this init does not keep
};

struct Directive;

// What a row's parser gets and gives.
struct DirectiveContext {
  Unit& unit;
  const SystemFacts& facts;
  std::string_view value;  // trimmed; empty resets
  const Directive& row;
  bool assertion = false;     // of a condition: "Assert", not "Condition"
  bool not_enforced = false;  // set by the parser: the value is right, but this init ignores it
  std::string problem = {};   // set by the parser: what is wrong with the value
};

struct Directive {
  std::string_view name;
  Support support = Support::kNotEnforced;
  // Never null when enforced. Others may be parsed too: values are then checked and stored.
  void (*parse)(DirectiveContext&) = nullptr;
  int argument = 0;  // for the parser
};

struct DirectiveSection {
  std::string_view name;
  std::optional<UnitKind> kind;  // units that it belongs in; nullopt: all
  // Each sorted by name; nullptr where there are fewer.
  std::array<const std::span<const Directive>*, 5> rows;
  // Rows of "Condition" + name and "Assert" + name; nullptr where there are none.
  const std::span<const Directive>* conditions = nullptr;
};

std::span<const DirectiveSection> DirectiveSections();

const DirectiveSection* FindSection(std::string_view name);

// nullptr when there is no such directive.
const Directive* FindDirective(std::string_view section, std::string_view name);

// How a use of a directive fares: by its row and value.
enum class Verdict : std::uint8_t { kEnforced, kHarmless, kNotEnforced, kUnknown, kWrong };

// Applies one assignment of a unit's file; what cannot be used becomes a finding.
Verdict ApplyAssignment(Unit& unit, const SystemFacts& facts, std::string_view section,
                        std::string_view name, std::string_view value, const std::string& file,
                        int line, Findings& findings);

}  // namespace inro::unit
