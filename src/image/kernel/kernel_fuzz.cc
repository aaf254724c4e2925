#include <cstddef>
#include <cstdint>

#include "image/kernel/decompress.h"
#include "image/kernel/kernel.h"
#include "image/kernel/module_index.h"
#include "image/kernel/module_info.h"

// The first byte chooses the parser.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 6) {
    case 0:
      (void)inro::image::KernelConfig::Parse(bytes);
      break;
    case 1:
      (void)inro::image::ParseModuleInfo(bytes);
      break;
    case 2:
      (void)inro::image::ReadModuleInfo("fuzz", bytes);
      break;
    case 3:
      (void)inro::image::InspectKernel(std::string(bytes), "fuzz");
      break;
    case 4:
      (void)inro::image::LookUpBinaryIndex(bytes, "virtio_blk");
      break;
    default:
      (void)inro::image::DecompressModule(data[0] < 128 ? "a.xz" : "a.zst", bytes);
      break;
  }
  return 0;
}
