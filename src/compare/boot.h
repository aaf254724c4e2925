// Boots a guest once: to time it, or to probe it.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "compare/result.h"
#include "protocol/control_message.h"
#include "vmm/guest/machine.h"

namespace inro::compare {

struct BootLimits {
  std::chrono::milliseconds ready{180'000};  // from exec of QEMU to the agent's first answer
  std::chrono::milliseconds probe{120'000};  // from ready to the end of the probes
  std::stop_token stop;                      // kInterrupted when requested
  std::function<void(std::string_view)> note = [](std::string_view) {};  // a line for the user
};

// Milliseconds from exec of QEMU to the first answered Health/Check. The guest is then killed: a
// timed boot has nothing to lose.
Result<double> TimeBoot(const vmm::MachineConfig& machine, const BootLimits& limits);

// What a probed boot gives.
struct ProbedBoot {
  double ready_ms = 0;
  double target_ms = 0;           // kata-containers.target; 0: not reached
  std::string agent_version;      // of grpc.Health/Version
  protocol::StateResponse state;  // taken when kata-containers.target was reached
  std::vector<protocol::Finding> findings;
  std::vector<TimelineEvent> events;
  std::vector<TimelineSpan> spans;
  std::vector<std::string> faults;  // console lines a healthy boot does not have (panic, oops, ...)
  std::string end;  // how the guest was brought to its end: "agent" is the orderly way
};

// Boots with the kernel parameter inro.probe, waits for the agent and for the control role (which
// starts when kata-containers.target is reached), asks for state and probes, and powers the guest
// off through its agent.
Result<ProbedBoot> ProbeBoot(const vmm::MachineConfig& machine, const BootLimits& limits);

// Boots the floor and reads its MemAvailable, in KiB.
Result<std::int64_t> FloorAvailableKib(const vmm::MachineConfig& machine, const BootLimits& limits);

}  // namespace inro::compare
