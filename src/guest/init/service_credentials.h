// LoadCredential= and SetCredential= (systemd.exec(5), "CREDENTIALS"): secrets of a service, in a
// folder that only its user can read.
#pragma once

#include <string>

#include "base/result.h"
#include "guest/init/service_directories.h"
#include "sys/file_source.h"
#include "unit/unit.h"

namespace inro::guest {

// Makes /run/credentials/UNIT (below `root` in tests), in memory as all of /run: the folder 0500,
// its files 0400, both the owner's. Gives its path; empty when the unit has no credentials. What is
// there already stays. An error: a credential that is nowhere, or too large.
Result<std::string> MakeCredentials(const unit::Unit& unit, const unit::ExecSettings& exec,
                                    const DirectoryOwner& owner, const sys::FileSource& files,
                                    const std::string& root = "");
void RemoveCredentials(const unit::Unit& unit, const std::string& root = "");

}  // namespace inro::guest
