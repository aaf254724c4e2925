// Loads kernel modules with what they depend on, by modules.dep; no modprobe is needed.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sys/file_source.h"

namespace inro::guest::extension {

// The files of the modules in the order in which they are to be loaded, each once. `folder` is that
// of the running kernel. What modules.dep does not name is built in, or not there.
std::vector<std::string> ModuleFiles(const sys::FileSource& files, const std::string& folder,
                                     std::span<const std::string_view> names);

// finit_module(2) for each; loaded already is fine. An error names the first that cannot be.
Result<> LoadModules(const sys::FileSource& files, std::span<const std::string_view> names);

}  // namespace inro::guest::extension
