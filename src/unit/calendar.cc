#include "unit/calendar.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "unit/text.h"

namespace inro::unit {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kDay = 24 * 60 * kMinute;
constexpr std::int64_t kFirstYear = 1970;
constexpr std::int64_t kLastYear = 2199;
constexpr std::size_t kMaxParts = 240;  // of one list, as in the original

using Ranges = std::vector<CalendarRange>;

// What stands for each shorthand.
constexpr std::pair<std::string_view, std::string_view> kShorthands[] = {
    {"minutely", "*-*-* *:*:00"},
    {"hourly", "*-*-* *:00:00"},
    {"daily", "*-*-* 00:00:00"},
    {"weekly", "Mon *-*-* 00:00:00"},
    {"monthly", "*-*-01 00:00:00"},
    {"quarterly", "*-01,04,07,10-01 00:00:00"},
    {"semiannually", "*-01,07-01 00:00:00"},
    {"semi-annually", "*-01,07-01 00:00:00"},
    {"biannually", "*-01,07-01 00:00:00"},
    {"bi-annually", "*-01,07-01 00:00:00"},
    {"yearly", "*-01-01 00:00:00"},
    {"annually", "*-01-01 00:00:00"},
    {"anually", "*-01-01 00:00:00"},
};

constexpr std::array<std::string_view, 7> kWeekdays = {
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool StartsWithAnyCase(std::string_view text, std::string_view lower_prefix) {
  if (text.size() < lower_prefix.size()) return false;
  for (std::size_t i = 0; i < lower_prefix.size(); ++i) {
    if (Lower(text[i]) != lower_prefix[i]) return false;
  }
  return true;
}

void SkipSpaces(std::string_view& text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
}

// Takes a number off the front; of seconds with a fraction, in microseconds.
bool TakeNumber(std::string_view& text, bool seconds, std::int64_t& value) {
  std::size_t digits = 0;
  while (digits < text.size() && IsDigit(text[digits])) ++digits;
  const auto whole = ParseNumber<std::int64_t>(text.substr(0, digits));
  if (!whole || *whole > std::numeric_limits<std::int32_t>::max()) return false;
  text.remove_prefix(digits);
  value = *whole;
  if (!seconds) return true;
  value *= kSecond;
  if (!text.starts_with('.') || text.size() < 2 || !IsDigit(text[1])) return true;
  text.remove_prefix(1);
  std::int64_t scale = kSecond;
  bool round_up = false;
  for (int place = 0; !text.empty() && IsDigit(text.front()); ++place, text.remove_prefix(1)) {
    scale /= 10;
    if (place < 6) value += (text.front() - '0') * scale;
    if (place == 6) round_up = text.front() >= '5';
  }
  if (round_up) ++value;
  return true;
}

// "*", or a list of VALUE, FIRST..LAST, each with "/REPEAT".
bool TakeRanges(std::string_view& text, bool seconds, Ranges& ranges) {
  if (text.starts_with('*')) {
    text.remove_prefix(1);
    if (seconds) ranges.push_back({0, std::nullopt, kSecond});
    return true;
  }
  while (ranges.size() < kMaxParts) {
    CalendarRange range;
    if (!TakeNumber(text, seconds, range.first)) return false;
    if (text.starts_with("..")) {
      text.remove_prefix(2);
      std::int64_t last = 0;
      if (!TakeNumber(text, seconds, last)) return false;
      range.last = last;
      range.repeat = seconds ? kSecond : 1;
    }
    if (text.starts_with('/')) {
      text.remove_prefix(1);
      if (!TakeNumber(text, seconds, range.repeat) || range.repeat == 0) return false;
    }
    // A range ends with its last repetition; one that cannot be repeated is a single value.
    if (range.last && *range.last >= range.first) {
      *range.last -= (*range.last - range.first) % range.repeat;
      if (*range.last == range.first) range = {range.first, std::nullopt, 0};
    }
    if (!text.empty() && std::string_view(" ,-~:").find(text.front()) == std::string_view::npos) {
      return false;
    }
    ranges.push_back(range);
    if (!text.starts_with(',')) return true;
    text.remove_prefix(1);
  }
  return false;
}

bool TakeWeekdays(std::string_view& text, unsigned& days) {
  unsigned bits = 0;
  std::optional<std::size_t> range_from;
  while (true) {
    std::size_t day = 0;
    std::size_t length = 0;
    for (; day < kWeekdays.size() && length == 0; ++day) {
      if (StartsWithAnyCase(text, kWeekdays[day])) {
        length = kWeekdays[day].size();
      } else if (StartsWithAnyCase(text, kWeekdays[day].substr(0, 3))) {
        length = 3;
      }
    }
    if (length == 0) {
      return bits == 0;  // there are none
    }
    --day;
    text.remove_prefix(length);
    if (range_from && *range_from > day) return false;
    for (std::size_t at = range_from.value_or(day); at <= day; ++at) bits |= 1U << at;
    days = bits;
    if (text.empty()) return true;
    if (text.starts_with(' ')) break;
    if (text.starts_with("..")) {
      text.remove_prefix(2);
      range_from = day;
    } else if (text.starts_with('-')) {
      text.remove_prefix(1);
      range_from = day;
    } else if (text.starts_with(',')) {
      text.remove_prefix(1);
      range_from.reset();
    } else {
      return false;
    }
    if (!range_from && (text.empty() || text.starts_with(' '))) break;  // a comma at the end
  }
  SkipSpaces(text);
  return true;
}

// Two digits are of this century or the last.
void FixYears(Ranges& years) {
  const auto fix = [](std::int64_t& year) {
    if (year < 70) {
      year += 2000;
    } else if (year < 100) {
      year += 1900;
    }
  };
  for (CalendarRange& range : years) {
    fix(range.first);
    if (range.last) fix(*range.last);
  }
}

// [YEAR-]MONTH-DAY; nothing is taken when the text begins with a time.
bool TakeDate(std::string_view& text, CalendarEvent& event) {
  std::string_view at = text;
  std::array<Ranges, 3> parts;
  std::size_t count = 0;
  while (true) {
    if (!TakeRanges(at, false, parts[count])) return false;
    ++count;
    if (count == 1 && (at.empty() || at.starts_with(':'))) return true;
    if (count > 1 && (at.empty() || at.starts_with(' '))) break;
    if (count == 3 || event.from_month_end) return false;
    if (!at.starts_with('-') && !at.starts_with('~')) return false;
    event.from_month_end = at.front() == '~';
    at.remove_prefix(1);
  }
  if (count == 3) {
    event.years = std::move(parts[0]);
    FixYears(event.years);
  }
  event.months = std::move(parts[count - 2]);
  event.days = std::move(parts[count - 1]);
  SkipSpaces(at);
  text = at;
  return true;
}

// HOUR:MINUTE[:SECOND]; midnight when the text is empty.
bool TakeTime(std::string_view& text, CalendarEvent& event) {
  if (text.empty()) {
    event.hours = event.minutes = event.microseconds = {CalendarRange{}};
    return true;
  }
  if (!TakeRanges(text, false, event.hours) || !text.starts_with(':')) return false;
  text.remove_prefix(1);
  if (!TakeRanges(text, false, event.minutes)) return false;
  if (text.empty()) {
    event.microseconds = {CalendarRange{}};
    return true;
  }
  if (!text.starts_with(':')) return false;
  text.remove_prefix(1);
  return TakeRanges(text, true, event.microseconds) && text.empty();
}

bool AreWithin(const Ranges& ranges, std::int64_t min, std::int64_t max, bool from_end = false) {
  if (from_end) max -= 3;  // a day that every month has
  return std::ranges::all_of(ranges, [&](const CalendarRange& range) {
    if (range.first < min || range.first > max || range.repeat > max - min) return false;
    if (range.last) {
      return *range.last >= min && *range.last <= max && range.first + range.repeat <= *range.last;
    }
    if (from_end) return range.first - range.repeat >= min;
    return range.first + range.repeat <= max;
  });
}

std::int64_t DaysOfMonth(std::int64_t year, std::int64_t month) {
  constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return kDays[static_cast<std::size_t>(month - 1)] + (month == 2 && leap ? 1 : 0);
}

// Days since 1970-01-01 (a Thursday) of a date of the Gregorian calendar.
std::int64_t DayNumber(std::int64_t year, std::int64_t month, std::int64_t day) {
  const std::int64_t before = year - 1;
  std::int64_t number = before * 365 + before / 4 - before / 100 + before / 400 - 719'162;
  for (std::int64_t at = 1; at < month; ++at) number += DaysOfMonth(year, at);
  return number + day - 1;
}

struct Moment {
  std::int64_t year = kFirstYear, month = 1, day = 1, hour = 0, minute = 0, microsecond = 0;
};

Moment MomentOf(std::int64_t time) {
  Moment moment;
  std::int64_t days = time / kDay;
  const std::int64_t rest = time % kDay;
  moment.year = kFirstYear + days / 366;  // at most the right one
  while (DayNumber(moment.year + 1, 1, 1) <= days) ++moment.year;
  days -= DayNumber(moment.year, 1, 1);
  while (days >= DaysOfMonth(moment.year, moment.month)) {
    days -= DaysOfMonth(moment.year, moment.month);
    ++moment.month;
  }
  moment.day = days + 1;
  moment.hour = rest / (60 * kMinute);
  moment.minute = rest / kMinute % 60;
  moment.microsecond = rest % kMinute;
  return moment;
}

std::int64_t TimeOf(const Moment& moment) {
  return DayNumber(moment.year, moment.month, moment.day) * kDay +
         (moment.hour * 60 + moment.minute) * kMinute + moment.microsecond;
}

// "@SECONDS" since 1970.
bool TakeTimestamp(std::string_view text, CalendarEvent& event) {
  std::int64_t time = 0;
  if (!TakeNumber(text, true, time) || !text.empty()) return false;
  const Moment moment = MomentOf(time);
  const auto exactly = [](std::int64_t value) { return Ranges{{value, std::nullopt, 0}}; };
  event.years = exactly(moment.year);
  event.months = exactly(moment.month);
  event.days = exactly(moment.day);
  event.hours = exactly(moment.hour);
  event.minutes = exactly(moment.minute);
  event.microseconds = exactly(moment.microsecond);
  return true;
}

// The smallest value of the list from `from` to `max`. With `month_days`, values count back from
// the end of a month of so many days.
std::optional<std::int64_t> NextIn(const Ranges& ranges, std::int64_t from, std::int64_t max,
                                   std::int64_t month_days = 0) {
  if (from > max) return std::nullopt;
  if (ranges.empty()) return from;
  std::optional<std::int64_t> best;
  for (const CalendarRange& range : ranges) {
    std::int64_t first = range.first;
    std::int64_t last = range.last.value_or(range.repeat > 0 ? max : range.first);
    if (month_days > 0) {
      first = month_days - range.first + 1;
      last = month_days;
      if (range.last) {
        last = first;
        first = month_days - *range.last + 1;
      } else if (range.repeat == 0) {
        last = first;
      }
    }
    std::int64_t value = first;
    if (value < from) {
      if (range.repeat == 0) continue;
      value += (from - value + range.repeat - 1) / range.repeat * range.repeat;
    }
    if (value < 1 && month_days > 0) continue;
    if (value > last || value > max) continue;
    if (!best || value < *best) best = value;
  }
  return best;
}

// The first time of day from (hour, minute, microsecond) on, written back; false when there is
// none.
bool FindTimeOfDay(const CalendarEvent& event, Moment& moment) {
  std::int64_t minute_from = moment.minute;
  std::int64_t microsecond_from = moment.microsecond;
  std::int64_t hour_from = moment.hour;
  while (const auto hour = NextIn(event.hours, hour_from, 23)) {
    if (*hour != moment.hour) minute_from = microsecond_from = 0;
    while (const auto minute = NextIn(event.minutes, minute_from, 59)) {
      if (*hour != moment.hour || *minute != moment.minute) microsecond_from = 0;
      if (const auto found = NextIn(event.microseconds, microsecond_from, kMinute - 1)) {
        moment.hour = *hour;
        moment.minute = *minute;
        moment.microsecond = *found;
        return true;
      }
      minute_from = *minute + 1;
    }
    hour_from = *hour + 1;
  }
  return false;
}

}  // namespace

Result<CalendarEvent> ParseCalendarEvent(std::string_view given) {
  CalendarEvent event;
  event.text = given;
  std::string_view text = Trim(given);
  if (text.size() > 1024) return FailAs(ErrorKind::kBadInput, "the expression is over 1024 bytes");
  const auto fail = [&] {
    return FailAs(ErrorKind::kBadInput,
                  "\"{}\" is not a calendar expression, for example Mon..Fri *-*-* 06:30:00", text);
  };
  if (text.size() > 4 && text[text.size() - 4] == ' ' &&
      StartsWithAnyCase(text.substr(text.size() - 3), "utc")) {
    text.remove_suffix(4);
  } else if (const std::size_t space = text.rfind(' '); space != std::string_view::npos) {
    const std::string_view zone = text.substr(space + 1);
    if (!zone.empty() && IsAlnum(zone.front()) && !IsDigit(zone.front()) &&
        zone.find('/') != std::string_view::npos) {
      return FailAs(ErrorKind::kBadInput, "time zone {}: UTC is the only one here", zone);
    }
  }
  if (text.empty()) return fail();
  for (const auto& [name, meaning] : kShorthands) {
    if (text.size() == name.size() && StartsWithAnyCase(text, name)) text = meaning;
  }
  std::string_view rest = text;
  if (!TakeWeekdays(rest, event.weekdays)) return fail();
  if (rest.starts_with('@')) {
    if (!TakeTimestamp(rest.substr(1), event)) return fail();
    return event;
  }
  if (!rest.empty() && !TakeDate(rest, event)) return fail();
  if (!TakeTime(rest, event)) return fail();
  if (!AreWithin(event.years, kFirstYear, kLastYear) || !AreWithin(event.months, 1, 12) ||
      !AreWithin(event.days, 1, 31, event.from_month_end) || !AreWithin(event.hours, 0, 23) ||
      !AreWithin(event.minutes, 0, 59) || !AreWithin(event.microseconds, 0, kMinute - 1)) {
    return FailAs(ErrorKind::kBadInput, "\"{}\": a number or a repetition is out of its range",
                  text);
  }
  return event;
}

std::optional<std::int64_t> NextElapse(const CalendarEvent& event, std::int64_t after) {
  if (after > DayNumber(kLastYear + 1, 1, 1) * kDay) return std::nullopt;
  const Moment start = MomentOf(std::max<std::int64_t>(after + 1, 0));
  Moment at = start;
  for (std::int64_t year_from = start.year;; year_from = at.year + 1) {
    const auto year = NextIn(event.years, year_from, kLastYear);
    if (!year) return std::nullopt;
    at.year = *year;
    const bool first_year = at.year == start.year;
    for (std::int64_t month_from = first_year ? start.month : 1;; month_from = at.month + 1) {
      const auto month = NextIn(event.months, month_from, 12);
      if (!month) break;
      at.month = *month;
      const bool first_month = first_year && at.month == start.month;
      const std::int64_t days = DaysOfMonth(at.year, at.month);
      for (std::int64_t day_from = first_month ? start.day : 1;; day_from = at.day + 1) {
        const auto day = NextIn(event.days, day_from, days, event.from_month_end ? days : 0);
        if (!day) break;
        at.day = *day;
        const auto weekday =
            static_cast<unsigned>((DayNumber(at.year, at.month, at.day) + 3) % 7);  // 0: Monday
        if ((event.weekdays >> weekday & 1) == 0) continue;
        const bool first_day = first_month && at.day == start.day;
        at.hour = first_day ? start.hour : 0;
        at.minute = first_day ? start.minute : 0;
        at.microsecond = first_day ? start.microsecond : 0;
        if (FindTimeOfDay(event, at)) return TimeOf(at);
      }
    }
  }
}

}  // namespace inro::unit
