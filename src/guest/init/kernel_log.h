// PID 1's own log: records of /dev/kmsg, which the console shows and dmesg keeps.
#pragma once

#include <fmt/format.h>

#include <string_view>

#include "base/unique_fd.h"

namespace inro::guest {

enum class LogLevel { kError = 3, kWarning = 4, kNotice = 5, kInfo = 6, kDebug = 7 };

// Never blocks and never fails: what cannot be written is counted. A record holds at most
// kMaxRecord bytes (the kernel refuses longer ones). Facility daemon.
class KernelLog {
 public:
  static constexpr std::size_t kMaxRecord = 900;

  // Writes "on" to /proc/sys/kernel/printk_devkmsg first: else the kernel drops silently at a rate.
  void Open();
  // Logs to a descriptor instead (tests).
  void Use(UniqueFd fd) { fd_ = std::move(fd); }

  // "inro-init: TEXT".
  void Write(LogLevel level, std::string_view text);
  // "IDENTIFIER: TEXT", for the output of services.
  void WriteAs(LogLevel level, std::string_view identifier, std::string_view text);

  template <class... Args>
  void Info(fmt::format_string<Args...> format, Args&&... args) {
    Write(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
  }
  // For the few lines that the host's boot watch waits for: the console shows them.
  template <class... Args>
  void Notice(fmt::format_string<Args...> format, Args&&... args) {
    Write(LogLevel::kNotice, fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  void Warning(fmt::format_string<Args...> format, Args&&... args) {
    Write(LogLevel::kWarning, fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  void Error(fmt::format_string<Args...> format, Args&&... args) {
    Write(LogLevel::kError, fmt::format(format, std::forward<Args>(args)...));
  }

  int descriptor() const { return fd_.get(); }  // -1: it is not open
  unsigned long dropped() const { return dropped_; }

 private:
  UniqueFd fd_;
  unsigned long dropped_ = 0;
};

}  // namespace inro::guest
