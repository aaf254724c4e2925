#include "image/write/artifact.h"

#include <algorithm>

#include "image/write/compress.h"
#include "image/write/cpio.h"
#include "image/write/disk.h"
#include "image/write/erofs.h"
#include "image/write/ext4.h"
#include "image/write/initrd.h"
#include "image/write/little_endian.h"
#include "sys/file.h"

namespace inro::image {
namespace {

constexpr std::pair<ArtifactKind, std::string_view> kNames[] = {
    {ArtifactKind::kDisk, "disk"},           {ArtifactKind::kExt4, "ext4"},
    {ArtifactKind::kErofs, "erofs"},         {ArtifactKind::kFlatInitrd, "flat"},
    {ArtifactKind::kNestedInitrd, "nested"},
};

constexpr std::size_t kExt4Magic = 1024 + 56;

bool LooksLikeExt4(std::string_view bytes) { return GetLe(bytes, kExt4Magic, 2) == 0xef53; }

// A file system that begins at `offset` of the file.
Result<Tree> ReadRoot(const std::string& path, std::string_view bytes, std::uint64_t offset,
                      std::uint64_t limit, std::string& format) {
  const std::string_view root = bytes.substr(offset);
  if (LooksLikeErofs(root)) {
    format = RootFormatName(RootFormat::kErofs);
    return ReadErofs(root, limit);
  }
  if (LooksLikeExt4(root)) {
    format = RootFormatName(RootFormat::kExt4);
    return ReadExt4(path, offset, limit);
  }
  return FailAs(ErrorKind::kBadInput, "{}: its root partition is neither ext4 nor EROFS", path);
}

Result<> OpenInitrd(std::string_view bytes, std::uint64_t limit, OpenedArtifact& artifact) {
  INRO_ASSIGN(artifact.tree, ReadCpio(bytes, limit));
  artifact.kind = ArtifactKind::kFlatInitrd;
  const Node* body = artifact.tree.Find(kBodyPath);
  if (body == nullptr || !LooksLikeErofs(body->content.view())) return {};
  artifact.kind = ArtifactKind::kNestedInitrd;
  INRO_ASSIGN(Tree inner, ReadErofs(body->content.view(), limit));
  artifact.tree.Remove(kBodyPath);
  artifact.outer = std::exchange(artifact.tree, std::move(inner));
  return {};
}

}  // namespace

std::string_view ArtifactKindName(ArtifactKind kind) {
  return std::ranges::find(kNames, kind, [](const auto& row) { return row.first; })->second;
}

Result<OpenedArtifact> OpenArtifact(const std::string& path, std::uint64_t limit) {
  INRO_ASSIGN(const std::string bytes, sys::ReadFile(path, limit));
  OpenedArtifact artifact;
  artifact.size = bytes.size();
  if (LooksLikeCpio(bytes) || DetectCompression(bytes)) {
    if (auto opened = OpenInitrd(bytes, limit, artifact); !opened) {
      return std::unexpected(opened.error().Wrap(fmt::format("read {}", path)));
    }
    return artifact;
  }
  if (LooksLikeErofs(bytes) || LooksLikeExt4(bytes)) {
    INRO_ASSIGN(artifact.tree, ReadRoot(path, bytes, 0, limit, artifact.root_format));
    artifact.kind = LooksLikeErofs(bytes) ? ArtifactKind::kErofs : ArtifactKind::kExt4;
    return artifact;
  }
  const auto root = FindRoot(bytes, bytes.size());
  if (!root) {
    return FailAs(ErrorKind::kBadInput,
                  "{} is no artifact: neither a disk, an ext4 or EROFS image, nor an initrd", path);
  }
  artifact.kind = ArtifactKind::kDisk;
  artifact.dax_header = HasDaxHeader(bytes);
  INRO_ASSIGN(artifact.tree, ReadRoot(path, bytes, root->offset, limit, artifact.root_format));
  return artifact;
}

}  // namespace inro::image
