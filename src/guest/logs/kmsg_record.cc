#include "guest/logs/kmsg_record.h"

#include <algorithm>
#include <charconv>

#include "guest/logs/syslog_line.h"

namespace inro::guest::logs {
namespace {

bool TakeNumber(std::string_view& text, std::uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (text.starts_with(',')) text.remove_prefix(1);
  return true;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// The kernel writes bytes that are not printable, and the backslash, as \xHH.
std::string Unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && text[i + 1] == 'x') {
      const int high = HexDigit(text[i + 2]);
      const int low = HexDigit(text[i + 3]);
      if (high >= 0 && low >= 0) {
        out += static_cast<char>(high * 16 + low);
        i += 3;
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

}  // namespace

bool ParseKernelRecord(std::string_view bytes, KernelRecord& record) {
  record = {};
  const std::size_t semicolon = bytes.find(';');
  if (semicolon == std::string_view::npos) return false;
  std::string_view prefix = bytes.substr(0, semicolon);
  std::uint64_t priority = 0;
  if (!TakeNumber(prefix, priority) || !TakeNumber(prefix, record.number) ||
      !TakeNumber(prefix, record.monotonic_us)) {
    return false;
  }
  record.priority = static_cast<std::uint8_t>(priority & 7);
  record.from_kernel = priority >> 3 == 0;
  bytes.remove_prefix(semicolon + 1);
  const std::size_t end = std::min(bytes.find('\n'), bytes.size());
  record.text = Unescape(bytes.substr(0, end));
  bytes.remove_prefix(std::min(end + 1, bytes.size()));
  while (!bytes.empty()) {
    const std::string_view line = bytes.substr(0, bytes.find('\n'));
    if (line.starts_with(" DEVICE=")) record.device = Unescape(line.substr(8));
    bytes.remove_prefix(std::min(line.size() + 1, bytes.size()));
  }
  if (record.from_kernel) {
    record.identifier = "kernel";
    return true;
  }
  std::string_view text = record.text;
  std::string_view identifier;
  if (TakeIdentifier(text, identifier, record.pid)) {
    record.identifier = identifier;
    record.text.erase(0, record.text.size() - text.size());
  }
  return true;
}

}  // namespace inro::guest::logs
