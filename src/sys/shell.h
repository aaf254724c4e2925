// The shell of a system that may have any or none.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace inro::sys {

inline constexpr std::string_view kProgramPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct Shell {
  std::string program;            // a path; empty: there is none
  std::vector<std::string> argv;  // as a login shell where that works
};

// The first of bash, sh and busybox that lies in `path`. A busybox without an applet `sh` counts as
// none: it says so only when it is run.
Shell FindShell(std::string_view path = kProgramPath);

inline constexpr std::string_view kNoShell =
    "this guest has no shell: none of bash, sh and busybox is installed";

}  // namespace inro::sys
