#include "guest/trace/unit_times.h"

#include <algorithm>
#include <charconv>

namespace inro::guest::trace {
namespace {

std::uint64_t Number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Takes what comes before the next `separator` off the front of a text.
std::string_view Next(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
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

// What role init and systemd call the same thing.
struct TextKey {
  std::string_view column;
  std::string_view property;
  std::string UnitTimes::* member;
};
constexpr TextKey kTexts[] = {
    {"unit", "Id", &UnitTimes::name},
    {"active", "ActiveState", &UnitTimes::state},
    {"result", "Result", &UnitTimes::result},
};
struct TimeKey {
  std::string_view column;
  std::string_view property;
  std::uint64_t UnitTimes::* member;
};
constexpr TimeKey kTimes[] = {
    {"started_us", "InactiveExitTimestampMonotonic", &UnitTimes::started_us},
    {"active_us", "ActiveEnterTimestampMonotonic", &UnitTimes::active_us},
    {"stopping_us", "ActiveExitTimestampMonotonic", &UnitTimes::stopping_us},
    {"inactive_us", "InactiveEnterTimestampMonotonic", &UnitTimes::inactive_us},
};
struct ManagerKey {
  std::string_view property;
  std::uint64_t ManagerTimes::* member;
};
constexpr ManagerKey kManager[] = {
    {"UserspaceTimestampMonotonic", &ManagerTimes::userspace_us},
    {"GeneratorsStartTimestampMonotonic", &ManagerTimes::generators_start_us},
    {"GeneratorsFinishTimestampMonotonic", &ManagerTimes::generators_finish_us},
    {"UnitsLoadStartTimestampMonotonic", &ManagerTimes::load_start_us},
    {"UnitsLoadFinishTimestampMonotonic", &ManagerTimes::load_finish_us},
};

template <class Key>
void Set(UnitTimes& unit, Key TextKey::* text_key, Key TimeKey::* time_key,
         std::string_view pid_key, std::string_view key, std::string_view value) {
  for (const TextKey& row : kTexts) {
    if (row.*text_key == key) unit.*(row.member) = value;
  }
  for (const TimeKey& row : kTimes) {
    if (row.*time_key == key) unit.*(row.member) = Number(value);
  }
  if (key == pid_key) unit.pid = static_cast<std::uint32_t>(Number(value));
  if (unit.result == "success") unit.result.clear();
}

}  // namespace

void SetProperty(UnitTimes& unit, std::string_view property, std::string_view value) {
  Set(unit, &TextKey::property, &TimeKey::property, "MainPID", property, value);
}

std::vector<UnitTimes> ParseUnitsTsv(std::string_view text) {
  const std::vector<std::string_view> names = Columns(Next(text, '\n'));
  std::vector<UnitTimes> units;
  while (!text.empty()) {
    const std::vector<std::string_view> columns = Columns(Next(text, '\n'));
    if (columns.size() < names.size()) continue;
    UnitTimes unit;
    for (std::size_t i = 0; i < names.size(); ++i) {
      Set(unit, &TextKey::column, &TimeKey::column, "pid", names[i], columns[i]);
    }
    if (!unit.name.empty()) units.push_back(std::move(unit));
  }
  return units;
}

std::vector<UnitTimes> ParseUnitShow(std::string_view text) {
  std::vector<UnitTimes> units;
  UnitTimes unit;
  while (!text.empty()) {
    const std::string_view line = Next(text, '\n');
    const std::size_t equals = line.find('=');
    if (equals != std::string_view::npos) {
      SetProperty(unit, line.substr(0, equals), line.substr(equals + 1));
    }
    if (!line.empty() && !text.empty()) continue;
    if (!unit.name.empty()) units.push_back(std::move(unit));
    unit = {};
  }
  return units;
}

ManagerTimes ParseManagerShow(std::string_view text) {
  ManagerTimes times;
  while (!text.empty()) {
    const std::string_view line = Next(text, '\n');
    const std::size_t equals = std::min(line.find('='), line.size());
    for (const ManagerKey& row : kManager) {
      if (row.property == line.substr(0, equals) && equals < line.size()) {
        times.*(row.member) = Number(line.substr(equals + 1));
      }
    }
  }
  return times;
}

std::string UnitProperties() {
  std::string list = "MainPID";
  for (const TextKey& row : kTexts) list += fmt::format(",{}", row.property);
  for (const TimeKey& row : kTimes) list += fmt::format(",{}", row.property);
  return list;
}

std::string ManagerProperties() {
  std::string list;
  for (const ManagerKey& row : kManager) {
    list += fmt::format("{}{}", list.empty() ? "" : ",", row.property);
  }
  return list;
}

}  // namespace inro::guest::trace
