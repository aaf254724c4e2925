// From a finished tree to the bytes of an artifact.
#pragma once

#include <string>

#include "base/result.h"
#include "image/build/body_cache.h"
#include "image/build/guest_tree.h"
#include "image/build/kernel_choice.h"
#include "image/build/staging.h"
#include "image/write/manifest.h"

namespace inro::image {

// The time stamp of everything in an artifact: 2025-01-01, the day that the account files have too.
inline constexpr std::uint32_t kArtifactEpoch = 1735689600;

struct ArtifactInputs {
  const Definition& definition;
  const ChosenKernel& kernel;
  const BodyCache& bodies;
  Staging& staging;
};

// Writes NAME.initrd or NAME.img into the staging folder and says what the manifest says of it.
Result<ManifestArtifact> MakeInitrd(const ArtifactInputs& inputs, const GuestTree& guest,
                                    const std::string& name, Progress& progress);
Result<ManifestArtifact> MakeImage(const ArtifactInputs& inputs, const GuestTree& guest,
                                   const std::string& name, Progress& progress);

}  // namespace inro::image
