// Role `init`: what the kernel starts first, in all guests.
//
// Stage 1 (root_switch.h) gives every guest the same kind of root; then boot.conf decides: another
// init is executed in our place, or this goes on as PID 1: mounts, devices, modules, units up to
// the default target, and the orderly end.
//
// Kernel command line: systemd.unit=, systemd.mask=, systemd.wants=, systemd.setenv=,
// systemd.hostname=, inro.init=, inro.overlay=, and what mount_table.h says about control groups.
//
// For tests, `init --supervise --units DIR --state DIR` as PID 1 of a pid namespace skips stage 1
// and all that touches the machine, reads units from DIR alone and keeps its socket and state file
// in the other DIR; `--cgroup DIR` names a control group to make the services' groups in.
#pragma once

namespace inro::guest {

// Returns only on bad usage (2), or when the kernel refuses to end the system (1).
// `generate`: the main function of the generator that is this very program (generators.h), if any.
int RunInit(int argc, char** argv, int (*generate)(int argc, char** argv) = nullptr);

}  // namespace inro::guest
