// Which module needs which, in the order in which depmod(8) writes it.
#pragma once

#include <string>
#include <vector>

#include "image/kernel/module_index.h"

namespace inro::image {

// Puts modules in the order of `order` (names, as in modules.order), which is that of the indexes;
// those that it does not name come behind, by path.
void SortForIndex(std::vector<IndexedModule>& modules, const std::vector<std::string>& order);

// Fills in each module's dependency_paths: all modules that it needs, directly or not, among
// `modules`. Each stands before those that it needs itself, and independent ones stand as depmod 30
// sorts them, so that the written indexes are its bytes. `modules` are sorted for the index.
void LinkDependencies(std::vector<IndexedModule>& modules);

}  // namespace inro::image
