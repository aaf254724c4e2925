#include "guest/logs/record_json.h"

#include <algorithm>
#include <charconv>

#include "base/json_string.h"
#include "guest/logs/field_list.h"

namespace inro::guest::logs {
namespace {

void AppendNumber(std::uint64_t value, std::string& out, int width = 1) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  for (int size = static_cast<int>(end - digits); size < width; ++size) out += '0';
  out.append(digits, end);
}

void AppendKey(std::string_view key, std::string& out) {
  out += ",\"";
  out += key;
  out += "\":";
}

// Keys that the collector itself says.
bool IsOwn(std::string_view name) {
  constexpr std::string_view kOwn[] = {"msg",  "level",    "pid", "name",        "source",
                                       "unit", "priority", "seq", "monotonic_us"};
  return std::ranges::find(kOwn, name) != std::end(kOwn);
}

void AppendJsonField(const Field& field, std::string& out) {
  out += ',';
  if (IsOwn(field.name)) {
    AppendJsonString("x_" + std::string(field.name), out);
  } else {
    AppendJsonString(field.name, out);
  }
  out += ':';
  if (field.raw) {
    out += field.value;
  } else {
    AppendJsonString(field.value, out);
  }
}

}  // namespace

void AppendTime(std::uint64_t realtime_us, std::string& out) {
  const std::uint64_t seconds = realtime_us / 1'000'000;
  const std::uint64_t of_day = seconds % 86'400;
  // Days since 1 March of year 0, in eras of 400 years.
  const std::uint64_t days = seconds / 86'400 + 719'468;
  const std::uint64_t era = days / 146'097;
  const std::uint64_t of_era = days % 146'097;
  const std::uint64_t year_of_era =
      (of_era - of_era / 1'460 + of_era / 36'524 - of_era / 146'096) / 365;
  const std::uint64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::uint64_t month = (5 * of_year + 2) / 153;  // 0 is March
  AppendNumber(year_of_era + era * 400 + (month >= 10 ? 1 : 0), out, 4);
  out += '-';
  AppendNumber(month < 10 ? month + 3 : month - 9, out, 2);
  out += '-';
  AppendNumber(of_year - (153 * month + 2) / 5 + 1, out, 2);
  out += 'T';
  AppendNumber(of_day / 3600, out, 2);
  out += ':';
  AppendNumber(of_day / 60 % 60, out, 2);
  out += ':';
  AppendNumber(of_day % 60, out, 2);
  out += '.';
  AppendNumber(realtime_us % 1'000'000, out, 6);
  out += 'Z';
}

void AppendJsonRecord(const Record& record, std::string& out) {
  out += "{\"msg\":";
  AppendJsonString(record.message, out);
  AppendKey("level", out);
  AppendJsonString(LevelName(record.priority), out);
  std::string_view rest = record.fields;
  bool has_ts = false;
  bool has_subsystem = false;
  bool has_version = false;
  for (Field field; TakeField(rest, field);) {
    has_ts = has_ts || field.name == "ts";
    has_subsystem = has_subsystem || field.name == "subsystem";
    has_version = has_version || field.name == "version";
  }
  if (!has_ts) {
    AppendKey("ts", out);
    out += '"';
    AppendTime(record.realtime_us, out);
    out += '"';
  }
  AppendKey("pid", out);  // a string, as the agent writes it
  out += '"';
  AppendNumber(record.pid, out);
  out += '"';
  AppendKey("name", out);
  AppendJsonString(record.identifier, out);
  AppendKey("source", out);
  AppendJsonString(SourceName(record.source), out);
  if (!has_subsystem) {
    AppendKey("subsystem", out);
    AppendJsonString(record.unit.empty() ? SourceName(record.source) : record.unit, out);
  }
  if (!has_version) {
    AppendKey("version", out);
    AppendJsonString(INRO_VERSION, out);
  }
  if (!record.unit.empty()) {
    AppendKey("unit", out);
    AppendJsonString(record.unit, out);
  }
  AppendKey("priority", out);
  AppendNumber(std::min(record.priority, kPriorityDebug), out);
  AppendKey("seq", out);
  AppendNumber(record.seq, out);
  AppendKey("monotonic_us", out);
  AppendNumber(record.monotonic_us, out);
  rest = record.fields;
  for (Field field; TakeField(rest, field);) AppendJsonField(field, out);
  out += "}\n";
}

}  // namespace inro::guest::logs
