// Any bytes as the start of a disk; what is found must lie inside of it.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "image/write/disk.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace inro::image;
  // The first half of the input is the start of the disk, the second the start behind 2 MiB.
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  std::string disk = bytes.substr(0, bytes.size() / 2);
  if (size % 2 == 0) {
    disk.resize(kDaxDataOffset);
    disk += bytes.substr(bytes.size() / 2);
  }
  const auto root = FindRoot(disk, disk.size());
  if (root && (root->offset > disk.size() || root->size > disk.size() - root->offset)) std::abort();
  (void)HasDaxHeader(disk);
  return 0;
}
