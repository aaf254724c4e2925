// The last lines of a unit's log, as the collector of role `logs` or journald keeps them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace inro::guest::systemctl {

struct LogLine {
  std::string time;  // "2026-11-24T10:00:00.000001Z"
  std::string identifier;
  std::string message;
  std::string pid;  // "0": not known
};

// The last `most` lines of the unit since `since_us` (CLOCK_MONOTONIC; 0: all that is kept), oldest
// first. `socket` is the collector's, as protocol::kLogSocket. Blocks for a few seconds at most.
Result<std::vector<LogLine>> LastLogLines(const std::string& socket, std::string_view unit,
                                          std::uint64_t since_us, std::size_t most);

// The last `most` lines of the unit in the journal, as that program prints them. Blocks.
Result<std::string> JournalText(const std::string& journalctl, const std::string& unit,
                                std::size_t most);

// "Nov 24 10:00:00 host identifier[pid]: message" and a newline; further lines of the message are
// indented.
std::string LogLineText(const LogLine& line, std::string_view host);

}  // namespace inro::guest::systemctl
