// Loading of kernel modules, by whoever in the guest does it.
#pragma once

#include <string>

namespace inro::sys {

// finit_module(2) of the file at `path`, without parameters; one that is compressed (.ko.xz and the
// like) is unpacked by the kernel. Gives 0 or an errno: ENOENT where there is no such file, EEXIST
// where the kernel has it already.
int LoadKernelModule(const std::string& path);

}  // namespace inro::sys
