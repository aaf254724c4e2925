// The spans of a guest's own life, made from times that others keep: stage 1, PID 1, the units.
//
//   sandbox                      from the kernel's start to the end of this role: the root
//     boot                       to the target
//       kernel, mounts, root ... steps of stage 1 and of PID 1
//       start UNIT               from its start to up (or to its failure)
//     start UNIT                 of what starts later
//     stop UNIT                  of what stops while the guest goes on
//     shutdown                   from the agent's or the target's end on
//       stop UNIT
//
// Pure: it is told what was seen and gives the spans that are finished. A span's id is derived from
// what it is (protocol::DerivedSpanId), so that it is the same whoever makes it again. Times are
// CLOCK_MONOTONIC in nanoseconds.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "guest/trace/unit_times.h"
#include "protocol/trace_message.h"

namespace inro::guest::trace {

struct BootStep {
  std::string name;
  std::uint64_t start_us = 0;
  std::uint64_t end_us = 0;
};

// /run/inro/boot.tsv of role init: a heading, then lines "step, start_us, end_us".
std::vector<BootStep> ParseBootSteps(std::string_view text);
// What systemd did before it started units.
std::vector<BootStep> StepsOf(const ManagerTimes& times);

class BootTrace {
 public:
  // `trace_id` as of BootTraceId(); `target`: the unit whose start ends the boot.
  BootTrace(std::string trace_id, std::string target)
      : trace_id_(std::move(trace_id)), target_(std::move(target)) {}

  const std::string& trace_id() const { return trace_id_; }
  std::string root_id() const { return IdOf("root"); }

  std::vector<protocol::Span> Steps(const std::vector<BootStep>& steps) const;
  // Units as they are at `now_us` (all, or some): what has finished since they were last seen.
  std::vector<protocol::Span> Update(const std::vector<UnitTimes>& units, std::uint64_t now_us);
  // The guest ends: what is still open ends now, the root last.
  std::vector<protocol::Span> End(std::uint64_t now_us);

  bool ending() const { return ending_us_ != 0; }
  bool booted() const { return boot_end_us_ != 0; }

 private:
  // What was said of a unit already, and what was seen of it.
  struct Seen {
    std::uint64_t started_us = 0;   // the start that was said
    std::uint64_t stopping_us = 0;  // the stop that was said
    std::uint64_t left_us = 0;      // when it was first seen on its way down
    bool up = false;
  };

  std::string IdOf(std::string_view what) const;
  protocol::Span Make(std::string_view what, std::string name, std::string parent,
                      std::uint64_t start_us, std::uint64_t end_us) const;
  void Look(const UnitTimes& unit, std::uint64_t now_us);
  void SayStart(const UnitTimes& unit, Seen& seen, std::uint64_t now_us,
                std::vector<protocol::Span>& spans) const;
  void SayStop(const UnitTimes& unit, Seen& seen, std::uint64_t now_us,
               std::vector<protocol::Span>& spans) const;

  const std::string trace_id_;
  const std::string target_;
  std::map<std::string, Seen, std::less<>> seen_;
  std::uint64_t boot_end_us_ = 0;
  std::uint64_t ending_us_ = 0;
  bool boot_said_ = false;
};

}  // namespace inro::guest::trace
