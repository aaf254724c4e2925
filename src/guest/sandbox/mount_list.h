// What is mounted for the calling process.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace inro::guest::sandbox {

// The mount points, in the order of mountinfo (proc_pid_mountinfo(5)), each once.
Result<std::vector<std::string>> ListMounts();
// The fields of one text of that form.
std::vector<std::string> ParseMounts(std::string_view mountinfo);

// True when something is mounted right at the path.
bool IsMountRoot(const std::string& path);

}  // namespace inro::guest::sandbox
