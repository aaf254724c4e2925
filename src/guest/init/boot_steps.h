// When stage 1 and role init did what, for role `trace`. Only with agent.trace on the kernel's
// command line is anything written.
//
// /run/inro/boot.tsv: a heading, then a line a step: name, start and end, in microseconds of
// CLOCK_MONOTONIC, separated by tabs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace inro::guest {

class BootSteps {
 public:
  static constexpr const char* kPath = "/run/inro/boot.tsv";

  // The kernel's own time ends now.
  BootSteps();

  // What was done since the last mark.
  void Mark(std::string_view step);
  // Writes what was marked so far. With `mount_run` a tmpfs is put on /run first, as the init that
  // is executed next would do: it keeps what it finds there.
  void Write(bool mount_run) const;

 private:
  std::uint64_t last_us_ = 0;
  std::string text_ = "step\tstart_us\tend_us\n";
};

}  // namespace inro::guest
