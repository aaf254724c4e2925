// What settings of a sandbox imply for other settings (systemd.exec(5)).
#pragma once

#include <cstdint>

#include "unit/exec_settings.h"

namespace inro::guest::sandbox {

// DynamicUser= and its company, PrivateDevices='s policy, ProtectClock='s device.
void ApplyImplied(unit::ExecSettings& exec);

// Capabilities that are out of reach because of the sandbox, as bits.
std::uint64_t ImpliedDrops(const unit::SandboxSettings& sandbox);

// True when a process of the unit must be forked to set itself up; cheap. For a unit whose implied
// settings are not applied yet too.
bool NeedsSandbox(const unit::ExecSettings& exec);

// What is left of a sandbox for a command with "+": its root, and what is mounted in it by name.
unit::ExecSettings WithFullPrivileges(const unit::ExecSettings& exec);

}  // namespace inro::guest::sandbox
