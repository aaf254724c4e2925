// Which unit a process belongs to, by its control group.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace inro::guest::logs {

// From the text of /proc/PID/cgroup: the first component below the slices that is named like a
// unit. Empty when there is none.
std::string UnitOfControlGroup(std::string_view text);

// Remembers the answers of the last few seconds: most lines come from few processes, and a process
// that logged may be gone when its next line is read. Number-bounded.
class ProcessUnits {
 public:
  // Gives the text of /proc/PID/cgroup, or nothing.
  using Reader = std::function<std::string(pid_t)>;
  static std::string ReadFromProc(pid_t pid);

  explicit ProcessUnits(Reader reader = ReadFromProc) : reader_(std::move(reader)) {}
  // Valid until the next call. `now_us` is of CLOCK_MONOTONIC.
  std::string_view Find(pid_t pid, std::uint64_t now_us);

 private:
  static constexpr std::uint64_t kFresh = 2'000'000;
  struct Entry {
    pid_t pid = 0;
    std::uint64_t read_us = 0;
    std::string unit;
  };
  Reader reader_;
  std::array<Entry, 64> entries_;  // by pid modulo its size
};

}  // namespace inro::guest::logs
