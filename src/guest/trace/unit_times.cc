#include "guest/trace/unit_times.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "protocol/unit_text.h"

namespace inro::guest::trace {
namespace {

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
    if (row.*time_key == key) unit.*(row.member) = protocol::NumberOf(value);
  }
  if (key == pid_key) unit.pid = static_cast<std::uint32_t>(protocol::NumberOf(value));
  if (unit.result == "success") unit.result.clear();
}

}  // namespace

void SetProperty(UnitTimes& unit, std::string_view property, std::string_view value) {
  Set(unit, &TextKey::property, &TimeKey::property, "MainPID", property, value);
}

std::vector<UnitTimes> ParseUnitsTsv(std::string_view text) {
  std::vector<UnitTimes> units;
  protocol::ForEachUnitRow(text, [&](const protocol::UnitFields& fields) {
    UnitTimes unit;
    for (const auto& [column, value] : fields) {
      Set(unit, &TextKey::column, &TimeKey::column, "pid", column, value);
    }
    if (!unit.name.empty()) units.push_back(std::move(unit));
  });
  return units;
}

std::vector<UnitTimes> ParseUnitShow(std::string_view text) {
  std::vector<UnitTimes> units;
  protocol::ForEachUnitBlock(text, [&](const protocol::UnitFields& fields) {
    UnitTimes unit;
    for (const auto& [property, value] : fields) SetProperty(unit, property, value);
    if (!unit.name.empty()) units.push_back(std::move(unit));
  });
  return units;
}

ManagerTimes ParseManagerShow(std::string_view text) {
  ManagerTimes times;
  protocol::ForEachUnitBlock(text, [&](const protocol::UnitFields& fields) {
    for (const auto& [property, value] : fields) {
      const auto* row = std::ranges::find(kManager, property, &ManagerKey::property);
      if (row != std::end(kManager)) times.*(row->member) = protocol::NumberOf(value);
    }
  });
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
