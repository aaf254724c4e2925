// The /dev of PrivateDevices=: null, zero, full, random, urandom, tty, terminals and shared memory,
// and nothing that is hardware.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace inro::guest::sandbox {

class PrivateDevices {
 public:
  PrivateDevices() = default;
  // Takes what is shared with the system's /dev, before that is covered.
  static Result<PrivateDevices> Prepare();
  // Mounts it all on `path`, read-only but for the file systems in it.
  Result<> Attach(const std::string& path);

 private:
  struct Shared {
    std::string name;
    UniqueFd tree;
    bool directory = true;
  };
  std::vector<Shared> shared_;
};

}  // namespace inro::guest::sandbox
