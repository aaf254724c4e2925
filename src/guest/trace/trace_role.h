// Role `trace`: gathers the spans of the guest and sends them to the host (docs/tracing.md).
//
// It exists only where the kernel's command line says agent.trace: `generate` makes its unit. Spans
// come from the socket kTraceSocket (the agent's RPCs), from what stage 1 wrote down, and from the
// times that PID 1 keeps of each unit. All are children of one root span, the life of the sandbox,
// which ends when this role is asked to end: its unit stops last.
#pragma once

namespace inro::guest::trace {

// The role's main function; returns its exit code.
int RunTrace(int argc, char** argv);

}  // namespace inro::guest::trace
