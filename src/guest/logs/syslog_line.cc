#include "guest/logs/syslog_line.h"

#include <algorithm>
#include <charconv>

#include "guest/logs/record.h"

namespace inro::guest::logs {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool Number(std::string_view text, std::uint32_t& value) {
  if (text.empty() || !IsDigit(text[0])) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

std::string_view TakeWord(std::string_view& line) {
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(std::min(word.size() + 1, line.size()));
  return word == "-" ? std::string_view() : word;
}

// "Mmm dd hh:mm:ss ", or a time stamp of RFC 3339.
void SkipTime(std::string_view& line) {
  if (line.size() >= 16 && line[3] == ' ' && line[6] == ' ' && line[9] == ':' && line[12] == ':' &&
      line[15] == ' ' && IsDigit(line[5]) && IsDigit(line[7]) && IsDigit(line[14])) {
    line.remove_prefix(16);
  } else if (line.size() >= 20 && line[4] == '-' && line[7] == '-' && line[10] == 'T' &&
             IsDigit(line[0]) && IsDigit(line[11])) {
    TakeWord(line);
  }
}

// The end of STRUCTURED-DATA at the front: "-", or elements in brackets with quoted values.
std::size_t StructuredSize(std::string_view line) {
  std::size_t at = 0;
  while (at < line.size() && line[at] == '[') {
    bool quoted = false;
    for (++at; at < line.size() && (quoted || line[at] != ']'); ++at) {
      if (quoted && line[at] == '\\') {
        ++at;
      } else if (line[at] == '"') {
        quoted = !quoted;
      }
    }
    if (at >= line.size()) return 0;
    ++at;
  }
  return at;
}

bool ParseModern(std::string_view line, SyslogLine& out) {
  if (!line.starts_with("1 ")) return false;
  line.remove_prefix(2);
  const std::string_view time = TakeWord(line);
  if (!time.empty() && (time.size() < 19 || time[4] != '-')) return false;
  TakeWord(line);  // the host's name: it is this guest
  out.identifier = TakeWord(line);
  if (!Number(TakeWord(line), out.pid)) out.pid = 0;
  out.message_id = TakeWord(line);
  if (line.starts_with("-")) {
    line.remove_prefix(1);
  } else {
    const std::size_t size = StructuredSize(line);
    out.structured = line.substr(0, size);
    line.remove_prefix(size);
  }
  if (line.starts_with(" ")) line.remove_prefix(1);
  if (line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);  // the mark of UTF-8
  out.message = line;
  return true;
}

}  // namespace

std::uint8_t TakePriority(std::string_view& line, std::uint8_t fallback) {
  const std::size_t end = line.substr(0, 5).find('>');
  std::uint32_t value = 0;
  if (!line.starts_with('<') || end == std::string_view::npos ||
      !Number(line.substr(1, end - 1), value) || value > 191) {
    return fallback;
  }
  line.remove_prefix(end + 1);
  return static_cast<std::uint8_t>(value & 7);
}

bool TakeIdentifier(std::string_view& line, std::string_view& identifier, std::uint32_t& pid) {
  const std::size_t colon = line.substr(0, kMaxName + 16).find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  if (colon + 1 < line.size() && line[colon + 1] != ' ') return false;
  std::string_view name = line.substr(0, colon);
  std::uint32_t number = 0;
  if (name.ends_with(']')) {
    const std::size_t bracket = name.rfind('[');
    if (bracket == std::string_view::npos || bracket == 0) return false;
    if (!Number(name.substr(bracket + 1, name.size() - bracket - 2), number)) return false;
    name = name.substr(0, bracket);
  }
  if (name.size() > kMaxName || name.find(' ') != std::string_view::npos) return false;
  identifier = name;
  pid = number;
  line.remove_prefix(std::min(colon + 2, line.size()));
  return true;
}

SyslogLine ParseSyslogLine(std::string_view line) {
  SyslogLine out;
  while (!line.empty() && (line.back() == '\n' || line.back() == '\0')) line.remove_suffix(1);
  out.priority = TakePriority(line, out.priority);
  if (ParseModern(line, out)) return out;
  out = SyslogLine{.priority = out.priority};
  SkipTime(line);
  out.message = line;
  if (TakeIdentifier(out.message, out.identifier, out.pid)) return out;
  // "HOST NAME[PID]: text", as a sender that means another host writes it.
  std::string_view rest = line;
  const std::string_view host = TakeWord(rest);
  if (host.size() <= kMaxName && TakeIdentifier(rest, out.identifier, out.pid)) out.message = rest;
  return out;
}

}  // namespace inro::guest::logs
