// Source kind `mmdebstrap`: the same request as for `apt`, with maintainer scripts run.
#pragma once

#include <string>
#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "image/source/apt.h"
#include "image/source/source.h"

namespace inro::image {

// Runs mmdebstrap (as root, or unprivileged in the mode that it finds: unshare or fakechroot) to a
// tar in a temporary folder, and imports that. Essential packages are part of the result, as their
// scripts need them; options.exclude is refused (kBadInput), because dpkg would not configure an
// incomplete closure. An error names the Debian package when mmdebstrap is not installed.
Result<SourceTree> BuildMmdebstrap(const AptOptions& options, Progress& progress);

// The command that BuildMmdebstrap runs to write `tar`.
Result<std::vector<std::string>> MmdebstrapCommand(const AptOptions& options,
                                                   const std::string& tar);

}  // namespace inro::image
