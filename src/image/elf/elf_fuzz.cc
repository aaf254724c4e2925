#include <cstddef>
#include <cstdint>

#include "image/elf/elf.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)inro::image::ReadElf(bytes);
  (void)inro::image::FindElfSection(bytes, ".modinfo");
  return 0;
}
