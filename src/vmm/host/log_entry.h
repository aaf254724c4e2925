// One record of a guest's log as the host has it (docs/logs.md has the line's format).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace inro::vmm {

struct LogEntry {
  std::string message;
  std::string level;          // CRIT, ERRO, WARN, INFO, DEBG, TRCE; empty: the line has none
  std::string time;           // as the guest wrote it: RFC 3339
  std::uint64_t time_us = 0;  // the same in microseconds since 1970; 0: not readable
  std::string source;         // kernel, syslog, journal, stdout, agent, logs
  std::string unit;           // may be empty
  std::string identifier;     // what the sender calls itself
  std::uint32_t pid = 0;
  int priority = 6;       // syslog's
  std::uint64_t seq = 0;  // 0: the line has no number (Kata's own agent)
  std::uint64_t monotonic_us = 0;
  std::uint64_t lost = 0;  // of a record about a loss: how many records
  std::vector<std::pair<std::string, std::string>> fields;  // further ones, as text
  std::string line;                                         // all of it, without its newline
};

// A line that is no JSON object gives an entry with the line as its message.
LogEntry ParseLogEntry(std::string_view line);

// "2026-11-24T10:00:00.5Z", also with an offset or a blank for the T; without either it is local
// time. Microseconds since 1970; 0 when it is no such time.
std::uint64_t ParseLogTime(std::string_view text);

}  // namespace inro::vmm
