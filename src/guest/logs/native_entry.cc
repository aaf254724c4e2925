#include "guest/logs/native_entry.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "guest/logs/field_list.h"

namespace inro::guest::logs {
namespace {

bool IsFieldName(std::string_view name) {
  if (name.empty() || name.size() > 64 || (name[0] >= '0' && name[0] <= '9')) return false;
  return std::ranges::all_of(
      name, [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; });
}

void Keep(std::string_view name, std::string_view value, NativeEntry& entry) {
  if (name.starts_with('_')) return;
  if (!IsFieldName(name)) {
    ++entry.left_out;
  } else if (name == "MESSAGE") {
    entry.message = value;
  } else if (name == "SYSLOG_IDENTIFIER") {
    entry.identifier = value;
  } else if (name == "PRIORITY") {
    if (value.size() == 1 && value[0] >= '0' && value[0] <= '7') {
      entry.priority = static_cast<std::uint8_t>(value[0] - '0');
    }
  } else if (name == "SYSLOG_PID") {
    std::from_chars(value.data(), value.data() + value.size(), entry.syslog_pid);
  } else if (name != "SYSLOG_FACILITY" && name != "SYSLOG_TIMESTAMP") {
    if (!AppendField({.name = name, .value = value}, entry.fields)) ++entry.left_out;
  }
}

}  // namespace

bool TakeNativeEntry(std::string_view& bytes, NativeEntry& entry) {
  entry = {};
  while (bytes.starts_with('\n')) bytes.remove_prefix(1);
  if (bytes.empty()) return false;
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
    if (line.empty()) return true;
    const std::size_t equals = line.find('=');
    if (equals != std::string_view::npos) {
      Keep(line.substr(0, equals), line.substr(equals + 1), entry);
      continue;
    }
    std::uint64_t size = 0;
    if (end == std::string_view::npos || bytes.size() < sizeof size) break;
    for (std::size_t i = 0; i < sizeof size; ++i) {
      size |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
    }
    bytes.remove_prefix(sizeof size);
    if (size > bytes.size()) {
      // Of a value that was cut off, what is there counts.
      Keep(line, bytes, entry);
      ++entry.left_out;
      break;
    }
    if (size == bytes.size() || bytes[size] != '\n') break;
    Keep(line, bytes.substr(0, size), entry);
    bytes.remove_prefix(size + 1);
  }
  bytes = {};
  return true;
}

}  // namespace inro::guest::logs
