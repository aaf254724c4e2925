// From an artifact of a manifest to the machine that boots it.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "image/write/manifest.h"
#include "vmm/guest/machine.h"

namespace inro::compare {

// The machine for `artifact` of `manifest`, whose files lie in `folder`. The kernel is the
// manifest's; the command line is the base one and what the artifact needs. `attach`: how the disk
// is given to the guest, else the first way that the manifest names.
Result<vmm::MachineConfig> MachineOf(const image::Manifest& manifest, const std::string& folder,
                                     const image::ManifestArtifact& artifact,
                                     std::optional<vmm::DiskAttach> attach = std::nullopt,
                                     bool verbose = false);

// Adds a guest extension image: a virtio disk with the serial that its kernel parameter names, and
// the parameter. kBadInput when the guest has one of that name.
Result<> AttachExtension(const std::string& path, const std::string& parameter,
                         vmm::MachineConfig& machine);

}  // namespace inro::compare
