// From the settings of a unit to the filters of system calls that enforce them (systemd.exec(5),
// "SYSTEM CALL FILTERING" and the sandboxing settings that need one).
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "guest/sandbox/seccomp_program.h"
#include "unit/exec_settings.h"

namespace inro::guest::sandbox {

struct SeccompFilter {
  std::string_view directive;  // for messages
  SeccompProgram program;
};

// In the order in which they are to be installed: the unit's own list comes last, as it may forbid
// what installing the others needs.
std::vector<SeccompFilter> BuildFilters(const unit::ExecSettings& exec);

// True when BuildFilters gives any; cheap.
bool NeedsFilters(const unit::ExecSettings& exec);

// Installs one for the calling process, for good. Needs no_new_privs or CAP_SYS_ADMIN. 0 or errno.
int InstallFilter(const SeccompProgram& program);

}  // namespace inro::guest::sandbox
