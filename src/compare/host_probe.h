// The rows that the host proves itself, by its own channels: "console" and "binaries".
#pragma once

#include "protocol/control_message.h"
#include "vmm/guest/guest.h"

namespace inro::compare {

// The words of the kernel's command line that ask for a debug console on vsock 1026.
inline constexpr std::uint32_t kConsolePort = 1026;
inline constexpr std::string_view kConsoleWords[] = {"agent.debug_console",
                                                     "agent.debug_console_vport=1026"};

// Opens the debug console as Kata's tools do, raw bytes on vsock 1026, and reads a shell's answer.
// `before`: the guest's state before that, in which no process of the console may be.
protocol::Finding ProbeConsole(const vmm::Guest& guest, const protocol::StateResponse& before);

// Runs a program of the guest on a terminal and takes its status; then copies a static program out
// of the guest, back into it under another name, and runs it there.
protocol::Finding ProbeBinaries(const vmm::Guest& guest);

}  // namespace inro::compare
