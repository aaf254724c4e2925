// Any bytes as a Debian package: an error or a package, never a crash.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "image/source/deb.h"
#include "image/source/unpack.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::uint64_t kLimit = std::uint64_t{8} << 20;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (auto deb = inro::image::ReadDeb(bytes, "fuzz", kLimit)) {
    inro::image::Tree tree;
    static_cast<void>(inro::image::LayPackage(tree, std::move(deb->entries), "fuzz"));
  }
  // The part behind the compression, reached directly.
  static_cast<void>(inro::image::ReadTarBytes(
      bytes, "fuzz", kLimit, [](inro::image::ArchiveEntry) -> inro::Result<> { return {}; }));
  return 0;
}
