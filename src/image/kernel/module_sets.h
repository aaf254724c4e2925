// Which modules a use of the guest needs, as data. A kernel may have any of them built in.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace inro::image {

struct ModuleSet {
  std::string_view name;
  std::string_view use;      // one sentence, for docs and messages
  std::string_view modules;  // names between blanks, in the order of loading
  bool early;                // loaded by role init before the root is mounted
  bool required;             // a guest without them does not work; else it only lacks the feature
};

std::span<const ModuleSet> ModuleSets();
const ModuleSet* FindModuleSet(std::string_view name);

// The names of several sets, each once, in order. Unknown sets give nothing.
std::vector<std::string> ModulesOf(const std::vector<std::string>& sets);

// Modules by names of kernel configuration, for kernels whose modules.builtin is not at hand:
// "virtio_blk" -> "VIRTIO_BLK". Empty when the module is not in the table.
std::string_view ConfigOptionOf(std::string_view module);

}  // namespace inro::image
