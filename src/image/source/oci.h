// Source kind `oci`: a container image as an OCI image layout.
#pragma once

#include <string>

#include "base/progress.h"
#include "base/result.h"
#include "image/source/source.h"

namespace inro::image {

struct OciOptions {
  std::string path;                    // the layout: a folder, or a tar of one
  std::string tag;                     // which image of it; empty: the only one
  std::string architecture = "amd64";  // as Debian names it
};

// Reads the image's layers into a tree: OCI image-spec 1.1, and Docker's media types. Every blob is
// checked against its digest and size before it is used. The image's configuration only has to be
// for the architecture: a guest has an init and units, so Entrypoint, Env and the like mean
// nothing. Packages come from var/lib/dpkg/status when the image has it. What is wrong with the
// layout or the request is kBadInput and names the file.
Result<SourceTree> ImportOci(const OciOptions& options, Progress& progress);

}  // namespace inro::image
