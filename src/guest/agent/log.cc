#include "guest/agent/log.h"

#include <time.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>

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

// The size of the UTF-8 sequence at the front of `text`; 0 when it is none.
std::size_t Utf8Size(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const std::size_t size = first < 0x80   ? 1
                           : first < 0xc2 ? 0
                           : first < 0xe0 ? 2
                           : first < 0xf0 ? 3
                           : first < 0xf5 ? 4
                                          : 0;
  if (size > text.size()) return 0;
  std::uint32_t code = size < 2 ? first : first & (0x7fu >> size);
  for (std::size_t i = 1; i < size; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xc0) != 0x80) return 0;
    code = code << 6 | (byte & 0x3f);
  }
  const bool overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  const bool surrogate = code >= 0xd800 && code < 0xe000;
  return overlong || surrogate || code > 0x10ffff ? 0 : size;
}

}  // namespace

void AppendJsonString(std::string_view text, std::string& out) {
  out += '"';
  while (!text.empty()) {
    const char byte = text[0];
    const std::size_t size = Utf8Size(text);
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += byte;
    } else if (byte == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(byte) < 0x20) {
      std::array<char, 8> escape;
      std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(byte));
      out += escape.data();
    } else if (size == 0) {
      out += "\xef\xbf\xbd";
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  out += '"';
}

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
