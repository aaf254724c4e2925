// The host's end of the guest's script server (guest/conformance_guest.h).
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace inro::conformance {

struct ScriptOutcome {
  int code = 0;
  std::string output;
};

// Executes one script on a connected stream; an error when the guest does not answer in time.
Result<ScriptOutcome> RunScript(int stream, std::string_view script, std::chrono::seconds limit);

}  // namespace inro::conformance
