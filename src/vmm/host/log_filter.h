// Which records of a guest's log are wanted, and how they are shown.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "vmm/host/log_entry.h"

namespace inro::vmm {

// What the user wrote.
struct LogFilterWords {
  std::vector<std::string> units;    // patterns as of a shell; ".service" may be left out
  std::vector<std::string> sources;  // kernel, syslog, journal, stdout, agent, logs
  std::string level;                 // this one and more severe ones
  std::string since;                 // "10m" ago, or a time
  std::string grep;                  // a regular expression (ECMAScript) in the message
};

class LogFilter {
 public:
  // `now_us` is what "10m" counts from. Errors are of kind kBadInput.
  static Result<LogFilter> Create(const LogFilterWords& words, std::uint64_t now_us);
  LogFilter(LogFilter&&) noexcept;
  ~LogFilter();

  // A record about lost records passes every filter but that of time.
  bool Wants(const LogEntry& entry) const;

 private:
  struct Data;
  explicit LogFilter(std::unique_ptr<Data> data);
  std::unique_ptr<Data> data_;
};

enum class LogStyle {
  kText,   // "Nov 24 10:00:00.123 chrony.service chronyd[77]: text", local time
  kShort,  // "WARN chrony: text"
};

// One record for a person, with its newline. Control characters of the guest are made visible, so
// that it cannot steer the terminal. `colour` adds the terminal's colours.
std::string FormatLogEntry(const LogEntry& entry, LogStyle style, bool colour);

}  // namespace inro::vmm
