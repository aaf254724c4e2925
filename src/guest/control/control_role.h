// Role `control`: serves proto/control.proto on vsock 10124 (or INRO_CONTROL_ADDR). Read only:
// state and probes. Its unit starts only when the host asks for it by the kernel parameter
// inro.probe.
#pragma once

namespace inro::guest::control {

// The role's main function; returns its exit code.
int RunControl(int argc, char** argv);

}  // namespace inro::guest::control
