// The end of the system, and the signals to PID 1 that ask for it (systemd(1), "SIGNALS").
#pragma once

#include <optional>

#include "guest/init/kernel_log.h"
#include "unit/unit.h"

namespace inro::guest {

enum class PowerKind { kPoweroff, kReboot, kHalt };
// How much of an orderly end there is time for.
enum class PowerUrgency {
  kOrderly,    // units stop in reverse order
  kForce,      // no stop jobs: all processes get SIGTERM, then SIGKILL
  kImmediate,  // at once
};

struct PowerRequest {
  PowerKind kind = PowerKind::kPoweroff;
  PowerUrgency urgency = PowerUrgency::kOrderly;
};

// SIGRTMIN+3 halt, +4 power off, +5 reboot; +13, +14, +15 the same at once; SIGINT (ctrl-alt-del)
// reboots. nullopt for other signals.
std::optional<PowerRequest> RequestOfSignal(int signal);
// kExit powers off: there is nobody to exit to.
std::optional<PowerRequest> RequestOfAction(unit::SystemAction action);

// SIGTERM to every process, some time to end, SIGKILL to the rest; all are reaped. At most about
// `grace_ms` and a second more.
void KillEverything(int grace_ms);
// Writes back all file systems, makes them read-only or detaches them, and ends the system. Returns
// only when the kernel refuses.
void EndSystem(PowerKind kind, bool unmount, KernelLog& log);

}  // namespace inro::guest
