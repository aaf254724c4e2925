// One record of the log.
#pragma once

#include <cstdint>
#include <string_view>

namespace inro::guest::logs {

enum class Source : std::uint8_t {
  kKernel,   // the kernel itself
  kSyslog,   // /dev/log, or a user process that wrote to /dev/kmsg
  kJournal,  // the journal's native protocol, or what systemd-journald forwards
  kStdout,   // standard output or error of a service
  kAgent,    // a line in the agent's own format, by whatever way it came
  kLogs,     // the collector about itself: losses, restarts
};
std::string_view SourceName(Source source);

// syslog's 0 (emergency) to 7 (debug), and one below: the agent's TRCE.
inline constexpr std::uint8_t kPriorityWarning = 4;
inline constexpr std::uint8_t kPriorityInfo = 6;
inline constexpr std::uint8_t kPriorityDebug = 7;
inline constexpr std::uint8_t kPriorityTrace = 8;
// The level's name as the agent writes it: CRIT, ERRO, WARN, INFO, DEBG, TRCE.
std::string_view LevelName(std::uint8_t priority);

// Views into memory of the giver.
struct Record {
  std::uint64_t seq = 0;           // given by the ring: 1, 2, 3, ...
  std::uint64_t realtime_us = 0;   // CLOCK_REALTIME
  std::uint64_t monotonic_us = 0;  // CLOCK_MONOTONIC
  std::uint32_t pid = 0;           // 0: not known
  std::uint8_t priority = kPriorityInfo;
  Source source = Source::kLogs;
  std::string_view unit;        // "chrony.service"; empty: not known
  std::string_view identifier;  // what the sender calls itself
  std::string_view message;
  std::string_view fields;  // further ones: see field_list.h
  std::string_view line;    // of syslog, as it came; the ring has none
};

// Of what is longer, the rest is cut off and the record marked. Together they are far below the
// smallest ring.
inline constexpr std::size_t kMaxMessage = 16 << 10;
inline constexpr std::size_t kMaxFields = 4 << 10;
inline constexpr std::size_t kMaxName = 128;  // of units, identifiers and field names

}  // namespace inro::guest::logs
