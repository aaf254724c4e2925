// A record as the line that readers get.
#pragma once

#include <cstdint>
#include <string>

#include "guest/logs/record.h"

namespace inro::guest::logs {

// Appends one JSON object and a newline: the fields that Kata's tools read (msg, level, ts, pid,
// name, source, subsystem, version), inro's own (unit, priority, seq, monotonic_us), and the
// record's further ones. docs/logs.md has the list.
void AppendJsonRecord(const Record& record, std::string& out);

// Microseconds of CLOCK_REALTIME as "2026-11-24T10:00:00.000001Z".
void AppendTime(std::uint64_t realtime_us, std::string& out);

}  // namespace inro::guest::logs
