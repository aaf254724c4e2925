// Role `systemctl`: the commands of systemctl(1) under init = inro, with its output and exit codes.
// What is to be read comes from the state file of role init, from control groups and from the unit
// files; only what changes something is asked of PID 1. The role is also `poweroff`, `reboot`,
// `halt` and `shutdown`.
#pragma once

namespace inro::guest::systemctl {

int RunSystemctl(int argc, char** argv);

}  // namespace inro::guest::systemctl
