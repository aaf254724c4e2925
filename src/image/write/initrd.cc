#include "image/write/initrd.h"

#include "image/write/cpio.h"

namespace inro::image {
namespace {

constexpr std::uint32_t kPage = 4096;

}  // namespace

Result<std::string> WriteFlatInitrd(const Tree& tree, Compression compression, std::uint32_t epoch,
                                    std::optional<int> level) {
  INRO_ASSIGN(const std::string archive, WriteCpio(tree, epoch));
  return Compress(archive, compression, level);
}

Result<std::string> AssembleNested(const Tree& outer, std::string_view body, std::uint32_t epoch) {
  if (outer.Contains(kBodyPath)) {
    return Fail("nested initrd: the outer tree has a file {} of its own", kBodyPath);
  }
  CpioWriter writer(epoch);
  for (const auto& [path, node] : outer.nodes()) INRO_TRY(writer.Add(path, node));
  INRO_TRY(writer.AddAligned(kBodyPath, body, 0444, kPage));
  return writer.Finish();
}

}  // namespace inro::image
