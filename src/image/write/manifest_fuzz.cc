// Any bytes through the manifest reader; what is read must be written and read again alike.
#include <cstdint>
#include <cstdlib>

#include "image/write/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace inro::image;
  const auto manifest = ParseManifest({reinterpret_cast<const char*>(data), size}, "input");
  if (!manifest) return 0;
  const std::string once = WriteManifest(*manifest);
  const auto again = ParseManifest(once, "input");
  if (!again || WriteManifest(*again) != once) std::abort();
  return 0;
}
