// RuntimeDirectory= and its kin (systemd.exec(5)): made before a service starts.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "unit/unit.h"

namespace inro::guest {

struct DirectoryOwner {
  uid_t uid = 0;
  gid_t gid = 0;
};

struct MadeDirectories {
  std::vector<std::string> owned;      // where they really are; not those in /etc that were there
  std::vector<std::string> hand_over;  // existed with another owner: what is in them is his still
};

// Makes all directories of the unit below /run, /var/lib, /var/cache, /var/log and /etc (each below
// `root` in tests), with their modes. They belong to `owner`, but for those in /etc that were there
// before. Those of a dynamic user lie in a folder "private" that is root's, with links to them, and
// what is there under the name already moves into it. On an error `exit_code` is the one that
// systemd has for its kind.
Result<MadeDirectories> MakeServiceDirectories(const unit::ExecSettings& exec,
                                               const DirectoryOwner& owner, int& exit_code,
                                               const std::string& root = "");

// Gives everything below the directory to the owner. Takes as long as there is something.
void HandOver(const std::string& path, const DirectoryOwner& owner);

// RUNTIME_DIRECTORY=... and so on, for the environment of the service.
unit::Environment DirectoryVariables(const unit::ExecSettings& exec);

// Removes the RuntimeDirectory= ones.
void RemoveRuntimeDirectories(const unit::ExecSettings& exec, const std::string& root = "");

}  // namespace inro::guest
