// What role `clock` of a guest shows (docs/time.md), as asked through role control.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/client.h"

namespace inro::vmm {

struct ChronyTracking {
  bool synchronised = false;
  std::string reference;  // "HOST", "PHC0", an address
  int stratum = 0;
  double offset_s = 0;
  double rms_offset_s = 0;
  double frequency_ppm = 0;
  double skew_ppm = 0;
};

struct ClockState {
  std::string state;      // "synchronised", "off", "no reference"
  std::string reference;  // "host", "ptp_kvm", or empty
  std::optional<std::int64_t> offset_ns;
  std::int64_t round_trip_ns = 0;
  std::int64_t measured_at_ns = 0;  // the guest's clock
  bool host_synchronised = false;
  std::string problem;
  std::uint64_t readings = 0;
  std::uint64_t steps = 0;
  std::int64_t last_step_ns = 0;
  std::int64_t last_step_at_ns = 0;
  std::uint64_t resets = 0;
  std::uint64_t losses = 0;
  std::uint64_t starts = 0;
  bool chrony_running = false;
  std::string chrony_fed_by;  // "clock", "itself", "nobody"
  std::optional<ChronyTracking> tracking;
};

// The role's JSON. Unknown keys are skipped, missing ones leave the defaults.
Result<ClockState> ParseClockState(std::string_view json);

// The role's own text; parse it with the above.
Result<std::string> AskClockState(wire::Client& control);

}  // namespace inro::vmm
