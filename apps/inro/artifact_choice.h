// Finds the artifact that a path on the command line means: a manifest, or a file that one beside
// it names.
#pragma once

#include <string>

#include "base/result.h"
#include "image/write/manifest.h"

namespace inro::cli {

struct ChosenArtifact {
  image::Manifest manifest;
  std::string manifest_path;
  std::string folder;  // absolute
  image::ManifestArtifact artifact;

  std::string path() const { return folder + "/" + artifact.path; }
};

// `form` ("image", "initrd") and `init` choose among the artifacts of a manifest; empty: the initrd
// first, and any init. Errors (kBadInput) say what there is.
Result<ChosenArtifact> ChooseArtifact(const std::string& path, const std::string& form,
                                      const std::string& init);

}  // namespace inro::cli
