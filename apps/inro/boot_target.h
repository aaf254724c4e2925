// What `inro boot` was given, made a machine.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "verb.h"
#include "vmm/guest/machine.h"

namespace inro::cli {

struct TargetOptions {
  std::string path;  // a definition, an artifact, a manifest or a Kata configuration.toml
  std::string form;
  std::string init;
  std::string cache_dir;
  std::optional<vmm::DiskAttach> attach;
  bool verbose = false;  // the kernel's messages on the console
};

struct BootTarget {
  vmm::MachineConfig machine;
  std::string artifact;  // the file that is booted
  std::string form;
  std::string init;  // empty when not known
};

// A definition is built first, into the cache.
Result<BootTarget> FindTarget(const TargetOptions& options, Session& session);

}  // namespace inro::cli
