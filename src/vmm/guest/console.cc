#include "vmm/guest/console.h"

#include <charconv>

namespace inro::vmm {
namespace {

constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::string_view TrimLeft(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  return text;
}

}  // namespace

ConsoleLine SplitTimeStamp(std::string_view line) {
  ConsoleLine whole{std::string(line), std::nullopt};
  if (line.empty() || line.front() != '[') return whole;
  const std::size_t close = line.find(']');
  if (close == std::string_view::npos) return whole;
  const std::string_view stamp = TrimLeft(line.substr(1, close - 1));
  const std::size_t dot = stamp.find('.');
  if (dot == std::string_view::npos || dot == 0 || dot > 12 || stamp.size() - dot != 7)
    return whole;
  for (std::size_t i = 0; i < stamp.size(); ++i) {
    if (i != dot && !IsDigit(stamp[i])) return whole;
  }
  std::int64_t seconds = 0;
  std::int64_t micros = 0;
  std::from_chars(stamp.data(), stamp.data() + dot, seconds);
  std::from_chars(stamp.data() + dot + 1, stamp.data() + stamp.size(), micros);
  std::string_view text = line.substr(close + 1);
  // "[    1.234567][    T1] text"
  if (!text.empty() && text.front() == '[') {
    if (const std::size_t end = text.find(']'); end != std::string_view::npos && end <= 12) {
      text.remove_prefix(end + 1);
    }
  }
  if (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  return {std::string(text), std::chrono::microseconds(seconds * 1'000'000 + micros)};
}

void ConsoleParser::Feed(std::string_view bytes,
                         const std::function<void(const ConsoleLine&)>& sink) {
  for (const char byte : bytes) {
    if (byte == '\n') {
      Emit(sink);
    } else {
      Take(byte);
    }
  }
}

void ConsoleParser::Finish(const std::function<void(const ConsoleLine&)>& sink) { Emit(sink); }

void ConsoleParser::Take(char byte) {
  const auto value = static_cast<unsigned char>(byte);
  switch (escape_) {
    case Escape::kEscape:
      escape_ = byte == '[' ? Escape::kCsi : byte == ']' ? Escape::kOsc : Escape::kNone;
      return;
    case Escape::kCsi:
      if (value >= 0x40 && value <= 0x7e) escape_ = Escape::kNone;
      return;
    case Escape::kOsc:
      if (byte == '\a') escape_ = Escape::kNone;
      if (byte == '\x1b') escape_ = Escape::kEscape;
      return;
    case Escape::kNone:
      break;
  }
  if (byte == '\x1b') {
    escape_ = Escape::kEscape;
    return;
  }
  const bool printable = (value >= 0x20 && value != 0x7f) || byte == '\t';
  if (printable && line_.size() < kConsoleLineLimit) line_ += byte;
}

void ConsoleParser::Emit(const std::function<void(const ConsoleLine&)>& sink) {
  escape_ = Escape::kNone;
  if (!line_.empty()) sink(SplitTimeStamp(line_));
  line_.clear();
}

}  // namespace inro::vmm
