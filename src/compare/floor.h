// The floor: the fastest guest that can answer a health check at all. The same kernel and machine,
// and an initrd with only a static PID 1 and the modules that vsock needs.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "image/tree/tree.h"

namespace inro::compare {

// The cpio (uncompressed) for the floor. Modules come from `guest`, a tree that inro built: those
// of its early list that vsock needs, in that list's order; none when the kernel has them built in.
// `floor_program` are the bytes of inro-floor.
Result<std::string> MakeFloorInitrd(const image::Tree& guest, std::string floor_program);

// The paths of `early` (in their order) that are in the dependency closure of `wanted` module names
// by the text of modules.dep (depmod's format: "PATH: PATH...").
std::vector<std::string> NeededModules(const std::vector<std::string>& early,
                                       std::string_view modules_dep,
                                       const std::vector<std::string>& wanted);

}  // namespace inro::compare
