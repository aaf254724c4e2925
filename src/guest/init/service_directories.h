// RuntimeDirectory= and its kin (systemd.exec(5)): made before a service starts.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "unit/unit.h"

namespace inro::guest {

struct DirectoryOwner {
  uid_t uid = 0;
  gid_t gid = 0;
};

// Makes all directories of the unit below /run, /var/lib, /var/cache, /var/log and /etc (each below
// `root` in tests), with their modes; all but those in /etc belong to `owner`. When the owner of
// one that exists differs, the whole tree below it is handed over, as systemd does.
Result<> MakeServiceDirectories(const unit::ExecSettings& exec, const DirectoryOwner& owner,
                                const std::string& root = "");

// RUNTIME_DIRECTORY=... and so on, for the environment of the service.
unit::Environment DirectoryVariables(const unit::ExecSettings& exec);

// Removes the RuntimeDirectory= ones.
void RemoveRuntimeDirectories(const unit::ExecSettings& exec, const std::string& root = "");

}  // namespace inro::guest
