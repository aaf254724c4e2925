// Service inro.control.v1.Logs: the guest's log, read from the collector (role logs) for the host.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"
#include "protocol/log_message.h"
#include "wire/server.h"

namespace inro::guest::control {

// One reading: the records after `request.after_seq`, waiting for the first one as long as the
// request says. `socket` is the collector's (protocol::kLogSocket). Blocks.
Result<protocol::LogReadResponse> ReadLog(const std::string& socket,
                                          const protocol::LogReadRequest& request);

// The methods of the service.
std::vector<wire::Method> LogMethods();

}  // namespace inro::guest::control
