#include "guest/logs/stdout_stream.h"

#include <algorithm>
#include <charconv>

#include "guest/logs/syslog_line.h"

namespace inro::guest::logs {
namespace {

constexpr std::size_t kMaxHeaderLine = 512;

bool IsFlag(std::string_view text) { return text.empty() || text == "0" || text == "1"; }

}  // namespace

bool StdoutStream::TakeHeaderLine(std::string_view text) {
  switch (header_lines_++) {
    case 0:
      header_.identifier = text.substr(0, kMaxName);
      return true;
    case 1:
      header_.unit = text.substr(0, kMaxName);
      return true;
    case 2: {
      if (text.empty()) return true;
      unsigned value = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (error != std::errc() || end != text.data() + text.size()) return false;
      header_.priority = static_cast<std::uint8_t>(value & 7);  // above them a facility, if any
      return true;
    }
    case 3:
      header_.level_prefix = text == "1";
      return IsFlag(text);
    default:
      return IsFlag(text);
  }
}

void StdoutStream::Give(std::string_view text, const Line& line) const {
  std::uint8_t priority = header_.priority;
  if (header_.level_prefix) priority = TakePriority(text, priority);
  // Trailing blanks say nothing, and nor does a line of them.
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) {
    text.remove_suffix(1);
  }
  if (!text.empty()) line(text, priority);
}

bool StdoutStream::Take(std::string_view bytes, const Line& line) {
  while (!bytes.empty()) {
    const std::size_t limit = started() ? kMaxMessage : kMaxHeaderLine;
    const std::size_t end = bytes.find('\n');
    std::string_view part = bytes.substr(0, end);
    const bool whole = end != std::string_view::npos;
    if (unfinished_.size() + part.size() > limit) {
      if (!started()) return false;
      // The rest of an overlong line becomes lines of its own.
      part = part.substr(0, limit - unfinished_.size());
      unfinished_ += part;
      bytes.remove_prefix(part.size());
      Flush(line);
      continue;
    }
    bytes.remove_prefix(std::min(part.size() + 1, bytes.size()));
    if (!whole) {
      unfinished_ += part;
      return true;
    }
    std::string joined;
    if (!unfinished_.empty()) {
      joined = std::move(unfinished_);
      unfinished_.clear();
      joined += part;
      part = joined;
    }
    if (started()) {
      Give(part, line);
    } else if (!TakeHeaderLine(part)) {
      return false;
    }
  }
  return true;
}

void StdoutStream::Flush(const Line& line) {
  if (unfinished_.empty()) return;
  const std::string text = std::move(unfinished_);
  unfinished_ = std::string();  // its memory goes too: a service may be silent for days
  if (started()) Give(text, line);
}

}  // namespace inro::guest::logs
