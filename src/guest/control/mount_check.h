// Checks the mount table of the guest against what every guest shall have.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace inro::guest::control {

struct Mount {
  std::string point;
  std::string type;
};

// Parses /proc/self/mountinfo (proc(5)); lines that do not fit are skipped. Octal escapes are
// decoded.
std::vector<Mount> ParseMountInfo(std::string_view text);

struct MountCheck {
  bool ok = false;
  std::string evidence;  // what is mounted where, or what is missing
};

// The required mount points and the types they may have are a table in the source file.
MountCheck CheckMounts(const std::vector<Mount>& mounts);

}  // namespace inro::guest::control
