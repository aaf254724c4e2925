// Any bytes through the EROFS reader. A superblock is laid over the input, so that the fuzzer does
// not have to guess the magic number.
#include <cstdint>
#include <string>

#include "image/write/erofs.h"
#include "image/write/erofs_format.h"
#include "image/write/little_endian.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace inro::image;
  std::string image(reinterpret_cast<const char*>(data), size);
  if (image.size() >= erofs::kSuperOffset + erofs::kSuperSize) {
    PutLe(image, erofs::kSuperOffset, erofs::kMagic, 4);
    PutLe(image, erofs::kSuperOffset + 12, 12, 1);
    PutLe(image, erofs::kSuperOffset + 80, GetLe(image, erofs::kSuperOffset + 80, 1) & 7, 4);
  }
  (void)ReadErofs(image, 4 << 20);
  return 0;
}
