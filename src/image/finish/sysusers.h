// sysusers.d(5): the lines of types u, g, m and r, and what they do to the accounts. Specifiers (%)
// and ids taken from files ("/path") are refused.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "image/finish/accounts.h"

namespace inro::image {

struct SysusersLine {
  char type = 'u';   // 'u', 'g', 'm' or 'r'
  std::string name;  // of the user or group; for 'm' the user
  std::string id;    // "-", "N", "N:N", "N:GROUP"; for 'm' the group, for 'r' the range
  std::string comment;
  std::string home;
  std::string shell;
  std::string where;  // "FILE:LINE", for messages
};

// The lines of one file; comments and empty lines are left out. An error names file and line.
Result<std::vector<SysusersLine>> ParseSysusers(std::string_view text, std::string_view file);

// Does what systemd-sysusers does: explicit ids first, then the others from 999 downward; what
// exists already stays as it is.
Result<> ApplySysusers(const std::vector<SysusersLine>& lines, Accounts& accounts);

}  // namespace inro::image
