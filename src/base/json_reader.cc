#include "base/json_reader.h"

#include <algorithm>
#include <charconv>

namespace inro {
namespace {

bool IsNumber(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const auto digits = [&text] {
    const std::size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
    text.remove_prefix(count);
    return count;
  };
  const bool zero = text.starts_with('0');
  const std::size_t whole = digits();
  if (whole == 0 || (zero && whole > 1)) return false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (digits() == 0) return false;
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
    if (digits() == 0) return false;
  }
  return text.empty();
}

void AppendUtf8(std::uint32_t code, std::string& out) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | (code >> shift & 0x3f)); };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    tail(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12);
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xf0 | code >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

}  // namespace

void JsonReader::SkipBlanks() {
  const std::size_t at = rest_.find_first_not_of(" \t\r\n");
  rest_.remove_prefix(std::min(at, rest_.size()));
}

bool JsonReader::TakeChar(char c) {
  SkipBlanks();
  if (!rest_.starts_with(c)) return false;
  rest_.remove_prefix(1);
  return true;
}

bool JsonReader::AtEnd() {
  SkipBlanks();
  return rest_.empty();
}

bool JsonReader::TakeString(std::string& out) {
  out.clear();
  if (!TakeChar('"')) return false;
  while (!rest_.empty()) {
    const std::size_t plain = rest_.find_first_of("\"\\");
    if (plain == std::string_view::npos) return false;
    out += rest_.substr(0, plain);
    const char mark = rest_[plain];
    rest_.remove_prefix(plain + 1);
    if (mark == '"') return true;
    if (!TakeEscape(out)) return false;
  }
  return false;
}

bool JsonReader::TakeValue(std::string& out, bool& raw) {
  SkipBlanks();
  raw = !rest_.starts_with('"');
  if (!raw) return TakeString(out);
  const std::size_t end = std::min(rest_.find_first_of(", }\t\r\n"), rest_.size());
  out = rest_.substr(0, end);
  rest_.remove_prefix(end);
  return out == "true" || out == "false" || out == "null" || IsNumber(out);
}

bool JsonReader::TakeHex(std::uint32_t& code) {
  if (rest_.size() < 4) return false;
  const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + 4, code, 16);
  if (error != std::errc() || end != rest_.data() + 4) return false;
  rest_.remove_prefix(4);
  return true;
}

bool JsonReader::TakeEscape(std::string& out) {
  if (rest_.empty()) return false;
  const char kind = rest_[0];
  rest_.remove_prefix(1);
  constexpr std::string_view kFrom = "\"\\/bfnrt";
  constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
  if (const std::size_t at = kFrom.find(kind); at != std::string_view::npos) {
    out += kTo[at];
    return true;
  }
  std::uint32_t code = 0;
  if (kind != 'u' || !TakeHex(code)) return false;
  if (code >= 0xd800 && code < 0xdc00 && rest_.starts_with("\\u")) {
    rest_.remove_prefix(2);
    std::uint32_t low = 0;
    if (!TakeHex(low) || low < 0xdc00 || low >= 0xe000) return false;
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  }
  AppendUtf8(code >= 0xd800 && code < 0xe000 ? 0xfffd : code, out);
  return true;
}

}  // namespace inro
