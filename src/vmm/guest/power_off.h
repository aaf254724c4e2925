// The ways to a guest's end, from the gentlest down.
#pragma once

#include <chrono>
#include <functional>
#include <string_view>

#include "base/result.h"
#include "vmm/guest/qmp.h"

namespace inro::vmm {

// How a guest was brought to its end, from the gentlest way down.
enum class PowerOffWay { kAgent, kAcpi, kQuit, kKilled };
std::string_view Word(PowerOffWay way);

struct PowerOffOptions {
  // Asks the guest's agent to power off (DestroySandbox); may be empty. Its error is not fatal: the
  // next way is tried.
  std::function<Result<>()> ask_agent;
  std::chrono::milliseconds agent_limit{10'000};  // from the request to QEMU's end
  std::chrono::milliseconds acpi_limit{5'000};    // the same for the power button; 0: do not try
};

// Whose guest it is: how to wait for its end, to speak to QEMU, and to kill it.
struct GuestHandle {
  // Whether the guest ended within the time.
  std::function<Result<bool>(std::chrono::milliseconds)> wait;
  // QEMU's monitor, which the callee keeps.
  std::function<Result<Qmp*>()> monitor;
  std::function<void()> kill;
};

// Brings the guest to its end: agent, then ACPI's power button, then QMP's quit, then a kill.
// Always ends it, unless `wait` fails. Says which way it went; kAgent when it had ended before.
Result<PowerOffWay> EndGuest(const GuestHandle& guest, const PowerOffOptions& options);

}  // namespace inro::vmm
