// Programs and scripts in a booted guest, by the control role's exec.
#pragma once

#include <string>

#include "guest_run.h"
#include "protocol/exec_message.h"

namespace inro::boot_test {

struct Ran {
  int status = -1;
  std::string out;  // both streams
};

// Runs a program and collects what it says. One that cannot be started has the status that a shell
// gives, and the reason as its output. `in` is its standard input; -1: none.
Result<Ran> RunProgram(GuestRun& run, const protocol::ExecStartRequest& request, int in = -1);

// Runs a script of bash, two minutes at most (then the status is 124); what goes wrong fails the
// case. The guest needs bash and coreutils.
Ran RunInGuest(GuestRun& run, const std::string& script);

// Types a command at a debug console and reads until `until` has come, two minutes have passed or
// the stream ends; what came.
std::string AskConsole(int fd, const std::string& command, const std::string& until);

}  // namespace inro::boot_test
