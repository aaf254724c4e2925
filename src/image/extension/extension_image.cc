#include "image/extension/extension_image.h"

#include "image/extension/verity_tree.h"
#include "image/write/erofs.h"
#include "image/write/identity.h"
#include "image/write/little_endian.h"
#include "sys/file.h"

namespace inro::image {
namespace {

using namespace std::string_view_literals;

constexpr std::uint64_t kSector = 512;
constexpr std::uint64_t kAlign = std::uint64_t{1} << 20;
constexpr std::uint64_t kBlock = 4096;
constexpr std::size_t kDiskId = 440;
constexpr std::size_t kEntries = 446;
constexpr std::size_t kEntrySize = 16;
constexpr std::size_t kSignature = 510;
constexpr std::uint64_t kLinux = 0x83;
// Sectors beyond what cylinders, heads and sectors can say: readers use the 32-bit numbers.
constexpr std::string_view kChsTooLarge = "\xfe\xff\xff"sv;
constexpr std::size_t kLongestParameter = 4096;

void PutPartition(std::string& mbr, std::size_t index, std::uint64_t start, std::uint64_t size) {
  const std::size_t at = kEntries + index * kEntrySize;
  mbr.replace(at + 1, 3, kChsTooLarge);
  PutLe(mbr, at + 4, kLinux, 1);
  mbr.replace(at + 5, 3, kChsTooLarge);
  PutLe(mbr, at + 8, start / kSector, 4);
  PutLe(mbr, at + 12, size / kSector, 4);
}

// The salt tells images apart; 32 bytes, from the content alone.
std::string Salt(const Tree& tree) { return Uuid(tree, "salt, 1") + Uuid(tree, "salt, 2"); }

}  // namespace

Result<> CheckExtensionName(std::string_view name) {
  if (protocol::IsExtensionName(name) && name.size() <= protocol::kLongestExtensionName) return {};
  return FailAs(ErrorKind::kBadInput,
                "'{}' cannot name an extension: use 1 to {} letters, digits, '_' and '-' (a virtio "
                "disk's serial has room for no more)",
                name, protocol::kLongestExtensionName);
}

Result<ExtensionImage> MakeExtensionImage(std::string_view name, const Tree& tree,
                                          const ExtensionOptions& options) {
  INRO_TRY(CheckExtensionName(name));
  INRO_ASSIGN(const std::string body, WriteErofs(tree, {.epoch = options.epoch}));
  ExtensionImage image;
  image.parameter = protocol::ExtensionParameter(name);
  std::string& bytes = image.bytes;
  bytes.assign(kAlign, '\0');
  PutLe(bytes, kDiskId, GetLe(Uuid(tree, "extension"), 0, 4), 4);
  PutLe(bytes, kSignature, 0xaa55, 2);
  PutPartition(bytes, 0, kAlign, body.size());
  bytes += body;
  if (options.measured) {
    INRO_ASSIGN(VerityTree verity, MakeVerityTree(body, Salt(tree)));
    image.parameter += "=" + protocol::ToString(verity.parameters);
    // One block has no tree, but its partition says that it is measured.
    if (verity.blocks.empty()) verity.blocks.assign(kBlock, '\0');
    bytes.resize(RoundUp(bytes.size(), kAlign), '\0');
    PutPartition(bytes, 1, bytes.size(), verity.blocks.size());
    bytes += verity.blocks;
  }
  bytes.resize(RoundUp(bytes.size(), kAlign), '\0');
  if (bytes.size() / kSector > UINT32_MAX) return Fail("an extension cannot have 2 TiB or more");
  return image;
}

std::string ExtensionParameterPath(std::string_view image_path) {
  std::string path(image_path);
  if (path.ends_with(".img")) path.resize(path.size() - 4);
  return path + ".cmdline";
}

Result<ExtensionFile> FindExtensionFile(const std::string& image_path) {
  if (!sys::Exists(image_path))
    return std::unexpected(Error::InFile(image_path, 0, "no such file"));
  const std::string beside = ExtensionParameterPath(image_path);
  if (!sys::Exists(beside)) {
    return std::unexpected(Error::InFile(
        image_path, 0,
        fmt::format("its kernel parameter is not beside it: keep {} in the same folder", beside)));
  }
  INRO_ASSIGN(std::string text, sys::ReadFile(beside, kLongestParameter));
  while (text.ends_with('\n')) text.pop_back();
  const auto words = protocol::ExtensionWords(text);
  if (words.size() != 1 || text.find_first_of(" \t\n") != std::string::npos) {
    return std::unexpected(
        Error::InFile(beside, 1, "not one word kata.extension.NAME.verity_params=..."));
  }
  if (const auto named = CheckExtensionName(words[0].name); !named) {
    return std::unexpected(Error::InFile(beside, 1, named.error().message()));
  }
  if (!words[0].value.empty()) {
    const auto parameters = protocol::ParseVerityParameters(words[0].value);
    if (!parameters)
      return std::unexpected(Error::InFile(beside, 1, parameters.error().ToString()));
  }
  return ExtensionFile{image_path, words[0].name, std::move(text)};
}

}  // namespace inro::image
