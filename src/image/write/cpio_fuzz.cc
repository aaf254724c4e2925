// Any bytes through the reader of an initramfs; what is read must survive being written.
#include <cstdint>
#include <cstdlib>

#include "image/write/cpio.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace inro::image;
  constexpr std::uint64_t kLimit = 4 << 20;
  const auto tree = ReadCpio({reinterpret_cast<const char*>(data), size}, kLimit);
  if (!tree) return 0;
  const auto written = WriteCpio(*tree, 0);
  if (!written) return 0;  // a name that is too long
  const auto back = ReadCpio(*written, kLimit);
  if (!back || back->nodes().size() != tree->nodes().size()) std::abort();
  return 0;
}
