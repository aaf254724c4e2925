#include "guest/agent/log.h"

#include <time.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>

#include "base/json_string.h"

namespace inro::guest::agent {
namespace {

constexpr std::array<std::string_view, 6> kLevelNames = {"TRCE", "DEBG", "INFO",
                                                         "WARN", "ERRO", "CRIT"};

std::string Timestamp() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  ::gmtime_r(&now.tv_sec, &parts);
  std::array<char, 80> text;
  const int size = std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%09ldZ",
                                 parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                                 parts.tm_hour, parts.tm_min, parts.tm_sec, now.tv_nsec);
  return {text.data(), static_cast<std::size_t>(size)};
}

}  // namespace

void Log::Write(protocol::LogLevel level, std::string_view subsystem, std::string_view message,
                std::initializer_list<Field> fields) const {
  if (level < threshold_) return;
  std::string line = "{";
  const auto add = [&](std::string_view key, std::string_view value) {
    if (line.size() > 1) line += ',';
    AppendJsonString(key, line);
    line += ':';
    AppendJsonString(value, line);
  };
  add("msg", message);
  add("level", kLevelNames[static_cast<std::size_t>(level)]);
  add("ts", Timestamp());
  add("name", "kata-agent");
  add("source", "agent");
  add("subsystem", subsystem);
  add("version", INRO_VERSION);
  add("pid", std::to_string(::getpid()));
  for (const auto& [key, value] : fields) add(key, value);
  line += "}\n";
  [[maybe_unused]] const ssize_t written = ::write(fd_, line.data(), line.size());
}

}  // namespace inro::guest::agent
