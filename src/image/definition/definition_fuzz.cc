// Any bytes as a definition: an error or a definition, never a crash.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "image/definition/definition.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto definition = inro::image::ParseDefinition(text, "image.toml", "/usr/share");
  if (!definition && definition.error().kind() != inro::ErrorKind::kBadInput) __builtin_trap();
  if (!definition && definition.error().message().empty()) __builtin_trap();
  return 0;
}
