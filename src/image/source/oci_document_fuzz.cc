// Any bytes as a document of an OCI image layout, and as the choice made from it: an error or a
// digest that can name a file, never a crash.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "image/source/oci_choice.h"
#include "image/source/oci_document.h"

namespace {

constexpr std::size_t kDigestSize = 71;  // "sha256:" and 64 digits

void Check(const inro::image::OciDescriptor& descriptor) {
  if (descriptor.digest.size() != kDigestSize || descriptor.digest.contains('/')) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace inro::image;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto index = ParseOciIndex(text, "fuzz")) {
    for (const OciDescriptor& entry : *index) Check(entry);
    for (const std::string_view tag : {"", "latest"}) {
      const auto chosen = ChooseOciEntry(*index, OciPlatformOf("armhf"), tag, "fuzz");
      if (chosen) Check(*chosen);
    }
  }
  if (const auto manifest = ParseOciManifest(text, "fuzz")) {
    Check(manifest->config);
    for (const OciDescriptor& layer : manifest->layers) Check(layer);
  }
  static_cast<void>(ParseOciConfig(text, "fuzz"));
  static_cast<void>(CheckOciLayout(text, "fuzz"));
  return 0;
}
