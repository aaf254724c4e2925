// Artifacts opened again: what kind of file is this, and what tree does it hold.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "image/tree/tree.h"

namespace inro::image {

enum class ArtifactKind { kDisk, kExt4, kErofs, kFlatInitrd, kNestedInitrd };

// "disk", "ext4", "erofs", "flat", "nested".
std::string_view ArtifactKindName(ArtifactKind kind);

struct OpenedArtifact {
  ArtifactKind kind = ArtifactKind::kDisk;
  Tree tree;                  // what the guest sees as its root: of a nested initrd, the body
  std::optional<Tree> outer;  // of a nested initrd: the small cpio, without the body
  std::string root_format;    // of a disk: "ext4" or "erofs"
  bool dax_header = false;    // of a disk
  std::uint64_t size = 0;     // of the file
};

// Finds out by its bytes what the file is, and reads it. Other files are kBadInput with what they
// could have been. Safe on any bytes as far as its readers are (see cpio.h, erofs.h, ext4.h); at
// most `limit` bytes are unpacked.
Result<OpenedArtifact> OpenArtifact(const std::string& path,
                                    std::uint64_t limit = std::uint64_t{4} << 30);

}  // namespace inro::image
