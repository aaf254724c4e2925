#include "guest/control/unit_state.h"

#include <algorithm>
#include <charconv>

#include "sys/file.h"
#include "sys/subprocess.h"

namespace inro::guest::control {
namespace {

constexpr const char* kUnitsTsv = "/run/inro/units.tsv";

std::uint64_t Number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Takes one line off the front of a text, without its newline.
std::string_view TakeLine(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

std::vector<std::string_view> Columns(std::string_view line) {
  std::vector<std::string_view> columns;
  while (true) {
    const std::size_t tab = line.find('\t');
    columns.push_back(line.substr(0, tab));
    if (tab == std::string_view::npos) return columns;
    line.remove_prefix(tab + 1);
  }
}

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
  if (key == "MainPID") unit.pid = static_cast<std::uint32_t>(Number(value));
  // Both are CLOCK_MONOTONIC in microseconds, 0 for never.
  if (key == "InactiveExitTimestampMonotonic") unit.started_us = Number(value);
  if (key == "ActiveEnterTimestampMonotonic") unit.active_us = Number(value);
  if (key == "Result" && value != "success") unit.result = value;
}

}  // namespace

std::vector<protocol::UnitState> ParseUnitsTsv(std::string_view text) {
  const std::vector<std::string_view> names = Columns(TakeLine(text));
  std::vector<protocol::UnitState> units;
  while (!text.empty()) {
    const std::vector<std::string_view> columns = Columns(TakeLine(text));
    if (columns.size() < names.size()) continue;
    protocol::UnitState unit;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto* key = std::ranges::find(kKeys, names[i], &Key::column);
      if (key != std::end(kKeys)) Set(unit, key->property, columns[i]);
    }
    if (!unit.name.empty()) units.push_back(std::move(unit));
  }
  std::ranges::sort(units, {}, &protocol::UnitState::name);
  return units;
}

std::vector<protocol::UnitState> ParseSystemctlShow(std::string_view text) {
  std::vector<protocol::UnitState> units(1);
  while (!text.empty()) {
    const std::string_view line = TakeLine(text);
    const std::size_t equals = line.find('=');
    if (line.empty() && !units.back().name.empty()) units.emplace_back();
    if (equals != std::string_view::npos) {
      Set(units.back(), line.substr(0, equals), line.substr(equals + 1));
    }
  }
  if (units.back().name.empty()) units.pop_back();
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
