// Which image of an OCI layout is meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/source/oci_document.h"

namespace inro::image {

// A platform as OCI names it; `variant` empty: any.
struct OciPlatform {
  std::string architecture;
  std::string variant;
};

// Of Debian's name of an architecture ("armhf" -> arm, v7). A name without a row stays as it is.
OciPlatform OciPlatformOf(std::string_view debian_architecture);

// The one entry of an index for a platform, a manifest or a further index. Entries that say no
// platform fit any; entries that are no images (signatures, attestations) fit none. `tag` is the
// whole org.opencontainers.image.ref.name, the part after its last colon, or the same of
// io.containerd.image.name; empty: any, which is an error where entries of several names fit.
// Otherwise the first that fits. `name` is that of the index, for messages. kBadInput when nothing
// fits, telling what is there.
Result<OciDescriptor> ChooseOciEntry(const std::vector<OciDescriptor>& entries,
                                     const OciPlatform& platform, std::string_view tag,
                                     std::string_view name);

// Whether an image's configuration is for the platform. Fields that say nothing fit.
bool FitsPlatform(const OciConfig& config, const OciPlatform& platform);

}  // namespace inro::image
