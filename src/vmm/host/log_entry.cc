#include "vmm/host/log_entry.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <nlohmann/json.hpp>

namespace inro::vmm {
namespace {

using Json = nlohmann::json;

// Takes a number of exactly `digits` digits, and `mark` behind it (0: none).
bool TakeNumber(std::string_view& text, std::size_t digits, char mark, int& value) {
  if (text.size() < digits) return false;
  const char* end = text.data() + digits;
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end || value < 0) return false;
  text.remove_prefix(digits);
  if (mark == 0) return true;
  if (!text.starts_with(mark)) return false;
  text.remove_prefix(1);
  return true;
}

std::string Text(const Json& value) {
  return value.is_string() ? value.get<std::string>()
                           : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::uint64_t Number(const Json& value) {
  if (value.is_number_unsigned()) return value.get<std::uint64_t>();
  if (!value.is_string()) return 0;
  const auto& text = value.get_ref<const std::string&>();
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

int PriorityOf(std::string_view level) {
  if (level == "CRIT") return 2;
  if (level == "ERRO") return 3;
  if (level == "WARN") return 4;
  if (level == "DEBG" || level == "TRCE") return 7;
  return 6;
}

void Take(const std::string& key, const Json& value, LogEntry& entry, bool& has_priority) {
  if (key == "msg") {
    entry.message = Text(value);
  } else if (key == "level") {
    entry.level = Text(value);
  } else if (key == "ts") {
    entry.time = Text(value);
    entry.time_us = ParseLogTime(entry.time);
  } else if (key == "source") {
    entry.source = Text(value);
  } else if (key == "unit") {
    entry.unit = Text(value);
  } else if (key == "name") {
    entry.identifier = Text(value);
  } else if (key == "pid") {
    entry.pid = static_cast<std::uint32_t>(Number(value));
  } else if (key == "priority") {
    has_priority = true;
    entry.priority = static_cast<int>(std::min<std::uint64_t>(Number(value), 7));
  } else if (key == "seq") {
    entry.seq = Number(value);
  } else if (key == "monotonic_us") {
    entry.monotonic_us = Number(value);
  } else {
    if (key == "lost") entry.lost = Number(value);
    entry.fields.emplace_back(key, Text(value));
  }
}

}  // namespace

std::uint64_t ParseLogTime(std::string_view text) {
  std::tm parts{};
  if (!TakeNumber(text, 4, '-', parts.tm_year) || !TakeNumber(text, 2, '-', parts.tm_mon) ||
      !TakeNumber(text, 2, 0, parts.tm_mday)) {
    return 0;
  }
  if (!text.empty()) {
    if (text[0] != 'T' && text[0] != ' ' && text[0] != 't') return 0;
    text.remove_prefix(1);
    if (!TakeNumber(text, 2, ':', parts.tm_hour) || !TakeNumber(text, 2, 0, parts.tm_min)) return 0;
    if (text.starts_with(':')) {
      text.remove_prefix(1);
      if (!TakeNumber(text, 2, 0, parts.tm_sec)) return 0;
    }
  }
  if (parts.tm_mon < 1 || parts.tm_mon > 12 || parts.tm_mday < 1 || parts.tm_mday > 31) return 0;
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  std::int64_t micro = 0;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    std::int64_t unit = 100'000;
    while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
      micro += unit * (text[0] - '0');
      unit /= 10;
      text.remove_prefix(1);
    }
  }
  std::int64_t seconds = 0;
  if (text.empty()) {
    parts.tm_isdst = -1;
    seconds = std::mktime(&parts);
  } else {
    seconds = ::timegm(&parts);
    const char sign = text[0];
    text.remove_prefix(1);
    int hours = 0;
    int minutes = 0;
    if (sign == '+' || sign == '-') {
      if (!TakeNumber(text, 2, ':', hours) || !TakeNumber(text, 2, 0, minutes)) return 0;
      seconds -= (sign == '+' ? 1 : -1) * (hours * 3600 + minutes * 60);
    } else if (sign != 'Z' && sign != 'z') {
      return 0;
    }
    if (!text.empty()) return 0;
  }
  return seconds < 0 ? 0 : static_cast<std::uint64_t>(seconds * 1'000'000 + micro);
}

LogEntry ParseLogEntry(std::string_view line) {
  LogEntry entry;
  entry.line = line;
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) {
    entry.message = line;
    return entry;
  }
  bool has_priority = false;
  for (const auto& [key, value] : json.items()) Take(key, value, entry, has_priority);
  if (!has_priority) entry.priority = PriorityOf(entry.level);
  return entry;
}

}  // namespace inro::vmm
