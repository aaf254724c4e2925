// When units started and stopped, as PID 1 of either kind tells it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace inro::guest::trace {

// Times are CLOCK_MONOTONIC in microseconds of the last time it happened; 0: never.
struct UnitTimes {
  std::string name;
  std::string state;   // as systemd's ActiveState
  std::string result;  // empty: success
  std::uint32_t pid = 0;
  std::uint64_t started_us = 0;   // it began to start
  std::uint64_t active_us = 0;    // it was up
  std::uint64_t stopping_us = 0;  // it began to stop
  std::uint64_t inactive_us = 0;  // it was down
};

// When systemd itself did what; 0: not known.
struct ManagerTimes {
  std::uint64_t userspace_us = 0;
  std::uint64_t generators_start_us = 0;
  std::uint64_t generators_finish_us = 0;
  std::uint64_t load_start_us = 0;
  std::uint64_t load_finish_us = 0;
};

// /run/inro/units.tsv of role init; columns by name, unknown ones are skipped.
std::vector<UnitTimes> ParseUnitsTsv(std::string_view text);
// `systemctl show` with kUnitProperties: blocks of NAME=VALUE lines.
std::vector<UnitTimes> ParseUnitShow(std::string_view text);
ManagerTimes ParseManagerShow(std::string_view text);

// One property of a unit as systemd names it; others than those of UnitProperties() are skipped.
void SetProperty(UnitTimes& unit, std::string_view property, std::string_view value);

// Which properties `systemctl show` is asked for.
std::string UnitProperties();
std::string ManagerProperties();

}  // namespace inro::guest::trace
