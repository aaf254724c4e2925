// Service inro.control.v1.Services: the guest's units, read and changed by `systemctl`, so that it
// is the same under either init.
#pragma once

#include <string_view>
#include <vector>

#include "protocol/service_message.h"
#include "wire/server.h"

namespace inro::guest::control {

// The output of `systemctl show` with the properties that are asked for; sorted by name.
std::vector<protocol::Service> ParseServices(std::string_view show);

// `allowed`: the definition lets the host change services.
std::vector<wire::Method> ServiceMethods(bool allowed);

}  // namespace inro::guest::control
