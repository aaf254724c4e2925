// Calendar expressions (systemd.time(7), "CALENDAR EVENTS"): parsing, and the next time they
// elapse.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "unit/value.h"

namespace inro::unit {

// One element of a list: VALUE, FIRST..LAST, with "/REPEAT". Seconds are in microseconds.
struct CalendarRange {
  std::int64_t first = 0;
  std::optional<std::int64_t> last;
  std::int64_t repeat = 0;  // 0: none
};

struct CalendarEvent {
  unsigned weekdays = 0x7f;                                        // bit 0: Monday
  std::vector<CalendarRange> years, months, days, hours, minutes;  // empty: any
  std::vector<CalendarRange> microseconds;                         // of the minute; never empty
  bool from_month_end = false;                                     // "~" in front of the days
  bool utc = true;   // there is no other zone in a guest that has none; "UTC" in the text or not
  std::string text;  // as written
};

// Shorthands ("daily", "hourly", ...) too. An error says what is wrong.
Result<CalendarEvent> ParseCalendarEvent(std::string_view text);

// The first time strictly after `after` (microseconds since 1970, UTC); nullopt: never again.
std::optional<std::int64_t> NextElapse(const CalendarEvent& event, std::int64_t after);

}  // namespace inro::unit
