// The agent's log: one JSON object a line, with the fields that Kata's tools read (msg, level, ts,
// name, source, subsystem, version, pid, and whatever else belongs to the event).
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/kernel_parameter.h"

namespace inro::guest::agent {

class Log {
 public:
  using Field = std::pair<std::string_view, std::string_view>;

  // Writes to `fd`, which must outlive the log; drops what is less severe than `threshold`.
  Log(int fd, protocol::LogLevel threshold) : fd_(fd), threshold_(threshold) {}

  // One write(2) a line: threads do not mix. What cannot be written is lost.
  void Write(protocol::LogLevel level, std::string_view subsystem, std::string_view message,
             std::initializer_list<Field> fields = {}) const;

 private:
  const int fd_;
  const protocol::LogLevel threshold_;
};

}  // namespace inro::guest::agent
