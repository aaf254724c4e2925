// The call to a guest's agent that ends the guest.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"

namespace inro::cli {

// DestroySandbox. GUEST as on a command line; the limit is for each of connecting and the answer.
Result<> AskToPowerOff(const std::string& guest, std::chrono::milliseconds limit);

}  // namespace inro::cli
