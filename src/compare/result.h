// What a comparison found: plain data from the probes and clocks to the reports. The JSON report is
// this, field by field (schema "inro-compare/1").
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace inro::compare {

// One cell of the table: what a probe saw.
struct Cell {
  std::string feature;  // id of a row of Features()
  bool yes = false;
  std::string evidence;  // one line a reader can check
};

// A measure taken n times.
struct Samples {
  std::vector<double> values;

  int n() const { return static_cast<int>(values.size()); }
  double Median() const;  // 0 when empty
  double Min() const;
  double Max() const;
};

struct Measures {
  Samples ready_ms;                  // exec of QEMU to the first answered Health/Check
  Samples target_ms;                 // exec of QEMU to kata-containers.target
  double ready_over_floor = 0;       // ratio of the medians
  std::uint64_t artifact_bytes = 0;  // kernel excluded
  std::uint64_t unpacked_bytes = 0;  // sum of file sizes in the tree
  std::uint64_t packages = 0;
  std::uint64_t files = 0;
  std::uint64_t elf_programs = 0;          // executables, not libraries
  std::uint64_t setuid_files = 0;          // setuid or setgid
  std::int64_t guest_memory_used_kib = 0;  // the floor's MemAvailable minus the guest's
  std::uint64_t agent_rss_kib = 0;
  std::uint64_t init_rss_kib = 0;
  std::uint64_t roles_pss_kib = 0;  // PSS of init and all roles
  std::uint64_t processes = 0;      // without kernel threads
};

// A moment of a boot, in milliseconds since QEMU was executed.
struct TimelineEvent {
  std::string name;
  double at_ms = 0;
};

// A unit's way to active, in milliseconds since QEMU was executed.
struct TimelineSpan {
  std::string name;
  double start_ms = 0;
  double end_ms = 0;
};

struct GuestResult {
  std::string form;         // "image" or "initrd"
  std::string init;         // "systemd", "inro" or a path
  std::string artifact;     // path of the file that was booted
  std::vector<Cell> cells;  // in the order of Features()
  Measures measures;
  std::vector<TimelineEvent> events;
  std::vector<TimelineSpan> spans;
};

struct Comparison {
  std::string name;     // of the definition
  std::string machine;  // QEMU version, accelerator, CPUs, memory
  double poll_interval_ms = 0;
  std::vector<GuestResult> guests;
  Samples floor_ready_ms;
  std::int64_t floor_available_kib = 0;  // MemAvailable of the floor
};

}  // namespace inro::compare
