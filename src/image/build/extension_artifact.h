// Guest extension images as a build makes them: from a folder of the host to a file, its kernel
// parameter beside it, and its entry in the manifest.
#pragma once

#include <string>
#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "image/build/build.h"
#include "image/build/staging.h"
#include "image/definition/definition.h"
#include "image/extension/extension_image.h"
#include "image/write/manifest.h"

namespace inro::image {

// The folder's content with its modes; everything belongs to root, as whoever unpacked it does not
// matter. Of extended attributes file capabilities are kept.
Result<ExtensionImage> ExtensionFromFolder(const ExtensionSettings& settings, Progress& progress);

// Stages NAME.img and NAME.cmdline.
Result<> StageExtension(const ExtensionImage& image, const std::string& file_name,
                        Staging& staging);

// All [[extensions]] of a definition: staged, with a manifest entry each (form "extension").
Result<std::vector<BuiltExtension>> MakeExtensions(const Definition& definition,
                                                   const std::string& out_dir, Staging& staging,
                                                   Manifest& manifest, Progress& progress);

}  // namespace inro::image
