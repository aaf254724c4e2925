// What a kernel module says of itself in its .modinfo section.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace inro::image {

struct ModuleInfo {
  std::vector<std::string> depends;   // names, with "_"
  std::vector<std::string> soft_pre;  // to be loaded before when they exist
  std::vector<std::string> soft_post;
  std::vector<std::string> aliases;
  std::vector<std::string> symbols;         // exported
  std::vector<std::string> needed_symbols;  // undefined ones, as the symbol table has them
  std::vector<std::string> softdeps;        // the lines as written
};

// "nf-tables" -> "nf_tables".
std::string NormalizeModuleName(std::string_view name);
// "kernel/drivers/char/hw_random/virtio-rng.ko.xz" -> "virtio_rng".
std::string ModuleNameOf(std::string_view path);

// Reads the section's NUL-separated "key=value" strings.
ModuleInfo ParseModuleInfo(std::string_view section);
// Of a whole (uncompressed) module; an error when it is no module.
Result<ModuleInfo> ReadModuleInfo(std::string_view name, std::string_view bytes);

}  // namespace inro::image
