// Scripts in a booted guest, by the control role's exec.
#pragma once

#include <string>

#include "guest_run.h"

namespace inro::boot_test {

struct ShellResult {
  int status = -1;  // 124: the script took longer than two minutes
  std::string out;  // both streams
};

// Runs a script of bash. The guest needs bash and coreutils.
ShellResult RunInGuest(GuestRun& run, const std::string& script);

}  // namespace inro::boot_test
