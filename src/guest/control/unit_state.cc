#include "guest/control/unit_state.h"

#include <algorithm>
#include <charconv>

#include "sys/subprocess.h"

namespace inro::guest::control {
namespace {

std::uint64_t Number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

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

std::vector<protocol::UnitState> ParseSystemctlShow(std::string_view text) {
  std::vector<protocol::UnitState> units(1);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
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
  INRO_ASSIGN(
      const std::string text,
      sys::RunOrFail({"systemctl", "show", "--no-pager", "--property=Id,ActiveState,MainPID",
                      "--property=InactiveExitTimestampMonotonic",
                      "--property=ActiveEnterTimestampMonotonic", "--property=Result", "*"}));
  return ParseSystemctlShow(text);
}

}  // namespace inro::guest::control
