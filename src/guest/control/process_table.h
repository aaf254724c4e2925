// The processes of the guest as /proc shows them (proc(5)).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace inro::guest::control {

struct Process {
  int pid = 0;
  std::string name;           // comm
  std::uint32_t uid = 0;      // effective
  std::uint64_t rss_kib = 0;  // VmRSS; 0 for kernel threads
  std::string unit;           // the unit whose cgroup it is in; empty for PID 1 and strays
  bool kernel_thread = false;
  char state = 0;  // the letter of "State:": R, S, D, Z (a zombie), ...
};

// Every process; one that ends meanwhile is left out. `proc` is where procfs is mounted.
Result<std::vector<Process>> ReadProcesses(const std::string& proc = "/proc");

// What a process has in memory by a walk of its pages (smaps_rollup); zeros when it is gone. Exact,
// where VmRSS lags behind by up to 64 pages a thread on kernels before 6.2: too much for small
// ones.
struct Resident {
  std::uint64_t rss_kib = 0;
  std::uint64_t pss_kib = 0;
};
// Walking takes time: who reads many processes walks so many and no more. Of a fork bomb the first.
inline constexpr std::size_t kMostWalked = 256;
Resident ReadResident(int pid, const std::string& proc = "/proc");

// "MemAvailable" of meminfo, in KiB.
Result<std::uint64_t> ReadMemAvailableKib(const std::string& proc = "/proc");

// The unit of a cgroup path: the last component that ends in a unit suffix, for example
// "chrony.service" for "0::/system.slice/chrony.service". Empty when there is none.
std::string UnitOfCgroup(std::string_view cgroup);

// The number of a "Key:   123 kB" line in a text of such lines.
std::optional<std::uint64_t> NumberAfter(std::string_view text, std::string_view key);

}  // namespace inro::guest::control
