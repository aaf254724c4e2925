// The topics of role `generate`: a file each, a row in the table of generate_role.cc each.
#pragma once

#include "base/result.h"
#include "guest/generate/generator.h"

namespace inro::guest::generate {

// agent.debug_console, agent.debug_console_vport: the debug console (console_units.cc).
Result<> WriteConsoleUnits(const Guest& guest, Output& output);

// agent.log_vport: the log for the host; systemd-journald forwards (log_units.cc).
Result<> WriteLogUnits(const Guest& guest, Output& output);

// The `refclock` line of chrony, below /run (clock_units.cc).
Result<> WriteClockUnits(const Guest& guest, Output& output);

// agent.trace: the role that sends spans (trace_units.cc).
Result<> WriteTraceUnits(const Guest& guest, Output& output);

// kata.extension.NAME.verity_params: guest extension images (extension_units.cc).
Result<> WriteExtensionUnits(const Guest& guest, Output& output);

}  // namespace inro::guest::generate
