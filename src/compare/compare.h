// The comparison: builds the guests of a definition, boots them side by side, probes them.
#pragma once

#include <string>

#include "base/progress.h"
#include "base/result.h"
#include "compare/boot.h"
#include "compare/result.h"
#include "image/build/build.h"
#include "vmm/guest/machine.h"

namespace inro::compare {

struct CompareOptions {
  image::BuildOptions build;  // out_dir and guest_dir are used; variants are chosen here
  std::string variants_dir;   // where the guests that are not the definition's own are built
  bool all = false;           // four guests: both forms with both inits
  int rounds = 5;             // timed boots of each guest and of the floor, interleaved
  unsigned memory_mib = 1024;
  unsigned cpus = 2;
  vmm::Accel accel = vmm::Accel::kAuto;
  vmm::VsockMode vsock = vmm::VsockMode::kUser;
  BootLimits limits;
};

// An error when a guest could not be built or did not boot; what its cells say is no error.
Result<Comparison> Compare(const image::Definition& definition, const CompareOptions& options,
                           Progress& progress);

}  // namespace inro::compare
