// Storages: what a runtime asks the agent to mount, by driver. The table of drivers is also what
// GetGuestDetails reports.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "protocol/sandbox_message.h"
#include "sys/mounts.h"

namespace inro::guest::agent {

std::vector<std::string> StorageDrivers();

// Makes `storage` available at its mount point (folders are made). Gives whether something was
// mounted there that has to be unmounted at the end. Errors of kind kBadInput: an unknown driver, a
// mount point that is not an absolute path, options that cannot be read. `sysfs` is /sys.
Result<bool> AddStorage(sys::Mounts& mounts, const std::string& sysfs,
                        const protocol::Storage& storage);

}  // namespace inro::guest::agent
