// The option words of a mount, split into mount(2)'s flags and the file system's own options.
#pragma once

#include <string>
#include <vector>

namespace inro::guest::agent {

struct MountOptions {
  unsigned long flags = 0;
  std::string data;  // joined by commas
};

// Later words win over earlier ones.
MountOptions ParseMountOptions(const std::vector<std::string>& words);

}  // namespace inro::guest::agent
