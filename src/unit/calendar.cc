#include "unit/calendar.h"
namespace inro::unit {
Result<CalendarEvent> ParseCalendarEvent(std::string_view) { return Fail("x"); }
std::optional<std::int64_t> NextElapse(const CalendarEvent&, std::int64_t) { return std::nullopt; }
}  // namespace inro::unit
