#include "guest/control/unit_state.h"

#include <algorithm>
#include <utility>

#include "protocol/unit_text.h"
#include "sys/file.h"
#include "sys/subprocess.h"

namespace inro::guest::control {
namespace {

constexpr const char* kUnitsTsv = "/run/inro/units.tsv";

// The names that role init and systemctl have for the same thing.
struct Key {
  std::string_view column;
  std::string_view property;
};
constexpr Key kKeys[] = {
    {"unit", "Id"},
    {"active", "ActiveState"},
    {"pid", "MainPID"},
    {"started_us", "InactiveExitTimestampMonotonic"},
    {"active_us", "ActiveEnterTimestampMonotonic"},
    {"result", "Result"},
};

void Set(protocol::UnitState& unit, std::string_view key, std::string_view value) {
  if (key == "Id") unit.name = value;
  if (key == "ActiveState") unit.state = value;
  if (key == "MainPID") unit.pid = static_cast<std::uint32_t>(protocol::NumberOf(value));
  // Both are CLOCK_MONOTONIC in microseconds, 0 for never.
  if (key == "InactiveExitTimestampMonotonic") unit.started_us = protocol::NumberOf(value);
  if (key == "ActiveEnterTimestampMonotonic") unit.active_us = protocol::NumberOf(value);
  if (key == "Result" && value != "success") unit.result = value;
}

}  // namespace

std::vector<protocol::UnitState> ParseUnitsTsv(std::string_view text) {
  std::vector<protocol::UnitState> units;
  protocol::ForEachUnitRow(text, [&](const protocol::UnitFields& fields) {
    protocol::UnitState unit;
    for (const auto& [column, value] : fields) {
      const auto* key = std::ranges::find(kKeys, column, &Key::column);
      if (key != std::end(kKeys)) Set(unit, key->property, value);
    }
    if (!unit.name.empty()) units.push_back(std::move(unit));
  });
  std::ranges::sort(units, {}, &protocol::UnitState::name);
  return units;
}

std::vector<protocol::UnitState> ParseSystemctlShow(std::string_view text) {
  std::vector<protocol::UnitState> units;
  protocol::ForEachUnitBlock(text, [&](const protocol::UnitFields& fields) {
    protocol::UnitState unit;
    for (const auto& [property, value] : fields) Set(unit, property, value);
    if (!unit.name.empty()) units.push_back(std::move(unit));
  });
  std::ranges::sort(units, {}, &protocol::UnitState::name);
  return units;
}

Result<std::vector<protocol::UnitState>> ReadUnits() {
  if (sys::Exists(kUnitsTsv)) {
    INRO_ASSIGN(const std::string table, sys::ReadFile(kUnitsTsv));
    return ParseUnitsTsv(table);
  }
  INRO_ASSIGN(
      const std::string text,
      sys::RunOrFail({"systemctl", "show", "--no-pager", "--property=Id,ActiveState,MainPID",
                      "--property=InactiveExitTimestampMonotonic",
                      "--property=ActiveEnterTimestampMonotonic", "--property=Result", "*"}));
  return ParseSystemctlShow(text);
}

}  // namespace inro::guest::control
