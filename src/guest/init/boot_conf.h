// /usr/lib/inro/boot.conf: facts of the tree that role init needs before it can read anything else.
//
// Lines `key = value`; "#" starts a comment; unknown keys are ignored. The tree carries it, and in
// a nested initrd the outer cpio carries a copy. Keys:
//   init = inro | systemd | /absolute/path    what goes on as PID 1 once the root stands (inro)
//   overlay = yes | no                        a tmpfs overlay over the read-only body (yes)
// The kernel command line wins: `inro.init=...`, `inro.overlay=0`.
#pragma once

#include <string>
#include <string_view>

#include "unit/kernel_command_line.h"

namespace inro::guest {

inline constexpr const char* kBootConfPath = "/usr/lib/inro/boot.conf";
// Kernel modules that the boot needs, one path a line, in the order of their dependencies.
inline constexpr const char* kEarlyModulesPath = "/usr/lib/inro/modules-early";
// The body of a nested initrd.
inline constexpr const char* kNestedBodyPath = "/root.erofs";

struct BootConf {
  std::string init = "inro";
  bool overlay = true;

  // The path to execute after stage 1; empty: go on as PID 1.
  std::string Executable() const;
};

BootConf ParseBootConf(std::string_view text);
void ApplyCommandLine(const unit::KernelCommandLine& line, BootConf& conf);

}  // namespace inro::guest
