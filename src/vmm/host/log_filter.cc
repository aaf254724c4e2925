#include "vmm/host/log_filter.h"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <optional>
#include <regex>

#include "base/json_string.h"

namespace inro::vmm {
namespace {

constexpr std::array<std::string_view, 6> kSources = {"kernel", "syslog", "journal",
                                                      "stdout", "agent",  "logs"};

struct LevelName {
  std::string_view name;
  int priority;
};
constexpr LevelName kLevels[] = {
    {"emerg", 0}, {"alert", 1},   {"crit", 2},   {"critical", 2}, {"err", 3},   {"error", 3},
    {"warn", 4},  {"warning", 4}, {"notice", 5}, {"info", 6},     {"debug", 7}, {"trace", 7},
};

Result<std::uint64_t> ParseSince(const std::string& text, std::uint64_t now_us) {
  std::uint64_t count = 0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, count);
  if (error == std::errc() && last - end == 1) {
    const std::string_view units = "smhd";
    constexpr std::uint64_t kSeconds[] = {1, 60, 3600, 86'400};
    const std::size_t unit = units.find(*end);
    if (unit != std::string_view::npos) {
      const std::uint64_t ago = count * kSeconds[unit] * 1'000'000;
      return now_us > ago ? now_us - ago : 0;
    }
  }
  if (const std::uint64_t time = ParseLogTime(text); time != 0) return time;
  return FailAs(ErrorKind::kBadInput,
                "--since: \"{}\" is neither a span (30s, 10m, 2h, 1d) nor a time (2026-11-24 "
                "10:00:00)",
                text);
}

std::string_view Stem(std::string_view unit) {
  if (unit.ends_with(".service")) unit.remove_suffix(8);
  return unit;
}

// The bytes for a terminal: whatever is no text shows as "\x1b"; line breaks go on indented.
std::string Visible(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t size = byte < 0x80 ? 1 : Utf8Size(text.substr(i));
    // The second set of control characters is c2 80 to c2 9f.
    const bool second_set =
        size == 2 && byte == 0xc2 && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (byte == '\n') {
      out += "\n    ";
    } else if ((byte < 0x20 && byte != '\t') || byte == 0x7f || size == 0) {
      out += fmt::format("\\x{:02x}", byte);
    } else if (second_set) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[i + 1]));
    } else {
      out += text.substr(i, size);
    }
    i += std::max<std::size_t>(size, 1);
  }
  return out;
}

std::string LocalTime(const LogEntry& entry) {
  if (entry.time_us == 0) return "-";
  const auto seconds = static_cast<std::time_t>(entry.time_us / 1'000'000);
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  char text[32];
  const std::size_t size = std::strftime(text, sizeof text, "%b %d %H:%M:%S", &parts);
  return fmt::format("{}.{:03}", std::string_view(text, size), entry.time_us / 1000 % 1000);
}

std::string_view ColourOf(const LogEntry& entry) {
  if (entry.priority <= 3) return "\x1b[1;31m";
  if (entry.priority == 4) return "\x1b[1;33m";
  if (entry.priority == 5) return "\x1b[1m";
  if (entry.priority == 7) return "\x1b[2m";
  return "";
}

std::string Sender(const LogEntry& entry) {
  std::string sender = entry.identifier.empty() ? entry.source : entry.identifier;
  if (entry.pid != 0) sender += fmt::format("[{}]", entry.pid);
  // The unit where it says more than the name.
  if (!entry.unit.empty() && Stem(entry.unit) != entry.identifier) {
    sender = fmt::format("{} {}", entry.unit, sender);
  }
  return Visible(sender);
}

}  // namespace

struct LogFilter::Data {
  std::vector<std::string> units;
  std::vector<std::string> sources;
  int least = 7;
  std::uint64_t since_us = 0;
  std::optional<std::regex> grep;
};

LogFilter::LogFilter(std::unique_ptr<Data> data) : data_(std::move(data)) {}
LogFilter::LogFilter(LogFilter&&) noexcept = default;
LogFilter::~LogFilter() = default;

Result<LogFilter> LogFilter::Create(const LogFilterWords& words, std::uint64_t now_us) {
  auto data = std::make_unique<Data>();
  data->units = words.units;
  data->sources = words.sources;
  for (const std::string& source : words.sources) {
    if (std::ranges::find(kSources, source) == kSources.end()) {
      return FailAs(ErrorKind::kBadInput, "--source: no source \"{}\"; there are {}", source,
                    fmt::join(kSources, ", "));
    }
  }
  if (!words.level.empty()) {
    const auto* level = std::ranges::find(kLevels, words.level, &LevelName::name);
    if (level == std::end(kLevels)) {
      return FailAs(ErrorKind::kBadInput,
                    "--level: no level \"{}\"; there are critical, error, warning, notice, info, "
                    "debug",
                    words.level);
    }
    data->least = level->priority;
  }
  if (!words.since.empty()) {
    INRO_ASSIGN(data->since_us, ParseSince(words.since, now_us));
  }
  if (!words.grep.empty()) {
    try {
      data->grep.emplace(words.grep, std::regex::ECMAScript | std::regex::optimize);
    } catch (const std::regex_error& error) {
      return FailAs(ErrorKind::kBadInput, "--grep: \"{}\" is no regular expression: {}", words.grep,
                    error.what());
    }
  }
  return LogFilter(std::move(data));
}

bool LogFilter::Wants(const LogEntry& entry) const {
  if (entry.time_us != 0 && entry.time_us < data_->since_us) return false;
  if (entry.source == "logs" && entry.lost > 0) return true;
  if (entry.priority > data_->least) return false;
  if (!data_->sources.empty() &&
      std::ranges::find(data_->sources, entry.source) == data_->sources.end()) {
    return false;
  }
  if (!data_->units.empty() && std::ranges::none_of(data_->units, [&](const std::string& pattern) {
        return ::fnmatch(pattern.c_str(), entry.unit.c_str(), 0) == 0 ||
               ::fnmatch((pattern + ".service").c_str(), entry.unit.c_str(), 0) == 0;
      })) {
    return false;
  }
  if (!data_->grep) return true;
  try {
    return std::regex_search(entry.message, *data_->grep);
  } catch (const std::regex_error&) {
    return false;  // the expression is too much work for this message
  }
}

std::string FormatLogEntry(const LogEntry& entry, LogStyle style, bool colour) {
  const std::string_view paint = colour ? ColourOf(entry) : "";
  const std::string_view end = paint.empty() ? "" : "\x1b[0m";
  const std::string message = Visible(entry.message);
  if (style == LogStyle::kShort) {
    const std::string_view from = !entry.unit.empty()         ? Stem(entry.unit)
                                  : !entry.identifier.empty() ? std::string_view(entry.identifier)
                                                              : std::string_view(entry.source);
    return fmt::format("{}{} {}: {}{}\n", paint, entry.level.empty() ? "    " : entry.level,
                       Visible(from), message, end);
  }
  const std::string_view dim = colour ? "\x1b[32m" : "";
  const std::string_view plain = colour ? "\x1b[0m" : "";
  return fmt::format("{}{}{} {}: {}{}{}\n", dim, LocalTime(entry), plain, Sender(entry), paint,
                     message, end);
}

}  // namespace inro::vmm
