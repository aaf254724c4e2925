// The guest's part of the probe of the row "logs".
#pragma once

#include <string>

#include "base/result.h"

namespace inro::guest::control {

// Logs one line by /dev/log and one by the journal's native protocol, as any program would. The
// evidence is "TOKEN PID": the host looks for lines with that token on the log port, which is what
// proves the row.
Result<std::string> ProbeLogs();

}  // namespace inro::guest::control
