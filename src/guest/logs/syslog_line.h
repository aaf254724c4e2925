// A datagram of /dev/log: RFC 3164 as the C library writes it ("<13>Nov 24 10:00:00 name[1]: text",
// with or without a host name), or RFC 5424 ("<13>1 TIME HOST NAME PID ID DATA text").
#pragma once

#include <cstdint>
#include <string_view>

namespace inro::guest::logs {

// Views into the line.
struct SyslogLine {
  std::uint8_t priority = 5;    // "user.notice" is what a line without one has
  std::string_view identifier;  // may be empty
  std::uint32_t pid = 0;        // what the line claims; 0: nothing
  std::string_view message_id;  // RFC 5424
  std::string_view structured;  // RFC 5424: "[id name=\"value\"]..."
  std::string_view message;
};

// Takes any bytes: what is no header is message.
SyslogLine ParseSyslogLine(std::string_view line);

// "<N>" at the front of a line is taken off, and the severity in it is given; else `fallback`.
std::uint8_t TakePriority(std::string_view& line, std::uint8_t fallback);

// "NAME[PID]: " or "NAME: " at the front is taken off. False when there is none.
bool TakeIdentifier(std::string_view& line, std::string_view& identifier, std::uint32_t& pid);

}  // namespace inro::guest::logs
