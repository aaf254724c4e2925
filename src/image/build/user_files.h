// The user's own files and units, from the definition into a tree.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "image/definition/definition.h"
#include "image/tree/tree.h"

namespace inro::image {

// Puts services.units below /etc/systemd/system.
Result<> AddUserUnits(const Definition& definition, Tree& tree);
// Their names.
std::vector<std::string> UserUnitNames(const Definition& definition);

enum class Owners {
  kRoot,    // users may not exist yet: everything belongs to root for now
  kByName,  // looked up in the tree's account files
};

// Puts every [[files]] entry; a source that is a folder is laid over what is there. Errors carry
// the entry's line: a path that the tree cannot take, an unknown user or group.
Result<> AddUserFiles(const Definition& definition, Owners owners, Tree& tree);

}  // namespace inro::image
