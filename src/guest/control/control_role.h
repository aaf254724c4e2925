// Role `control`: serves proto/control.proto on vsock 10124: on the listeners that PID 1 passes
// (sd_listen_fds(3)), else on INRO_CONTROL_ADDR or the port itself. State is always on; probes need
// the kernel parameter inro.probe; exec and copies need the definition's leave (control_policy.h).
// Started by its socket, it ends when nobody has been connected for half a minute.
#pragma once

namespace inro::guest::control {

// The role's main function; returns its exit code.
int RunControl(int argc, char** argv);

}  // namespace inro::guest::control
