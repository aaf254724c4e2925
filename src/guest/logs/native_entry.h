// Entries of the journal's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): "NAME=value\n", or
// "NAME\n", the value's size as a little-endian 64-bit number, the value, "\n". An empty line ends
// an entry; another one may follow.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace inro::guest::logs {

// Views into the bytes, but for `fields`.
struct NativeEntry {
  std::string_view message;
  std::string_view identifier;  // SYSLOG_IDENTIFIER
  std::uint8_t priority = 6;
  std::uint32_t syslog_pid = 0;  // SYSLOG_PID, what the sender claims
  std::string fields;            // the others, as field_list.h has them
  unsigned left_out = 0;         // fields that are not in it: too long, too many, not well named
};

// Takes one entry off the front of `bytes`. False when there is none left. Fields whose names begin
// with an underscore are for the collector to say and are passed over; of bytes that are damaged,
// what comes before the damage counts.
bool TakeNativeEntry(std::string_view& bytes, NativeEntry& entry);

}  // namespace inro::guest::logs
