// GetGuestDetails: what this guest and its agent can do.
#pragma once

#include <string>

#include "protocol/sandbox_message.h"

namespace inro::guest::agent {

// `sysfs` is /sys. A kernel without memory hot-plug has block size 0 and no probe.
protocol::GuestDetailsResponse ReadGuestDetails(const protocol::GuestDetailsRequest& request,
                                                const std::string& sysfs);

}  // namespace inro::guest::agent
