#include "image/build/artifacts.h"

#include "image/build/boot_files.h"
#include "image/tree/digest.h"
#include "image/write/compress.h"
#include "image/write/disk.h"
#include "image/write/erofs.h"
#include "image/write/initrd.h"
#include "sys/file.h"

namespace inro::image {
namespace {

// Part of the cache's key: grows when the writer's output changes.
constexpr std::string_view kBodyVersion = "erofs-2";

Compression CompressionOf(InitrdCompression compression) {
  switch (compression) {
    case InitrdCompression::kZstd:
      return Compression::kZstd;
    case InitrdCompression::kGzip:
      return Compression::kGzip;
    case InitrdCompression::kLz4:
      return Compression::kLz4;
    case InitrdCompression::kNone:
      break;
  }
  return Compression::kNone;
}

Result<std::string> NestedInitrd(const ArtifactInputs& inputs, const GuestTree& guest,
                                 Progress& progress) {
  progress.Step(fmt::format("write the body for init = {}", guest.init));
  ErofsOptions options;
  options.epoch = kArtifactEpoch;
  const std::string key =
      Sha256Hex(fmt::format("{} {} {} {} {}", kBodyVersion, guest.digest, options.epoch,
                            options.level, options.cluster_bytes));
  INRO_ASSIGN(const std::string body,
              inputs.bodies.Get(key, [&] { return WriteErofs(guest.tree, options); }));
  progress.Update(body.size(), 0, "B");
  INRO_ASSIGN(const Tree outer, OuterTree(guest.tree));
  return AssembleNested(outer, body, kArtifactEpoch);
}

Result<std::string> FlatInitrd(const ArtifactInputs& inputs, const GuestTree& guest,
                               Compression compression, Progress& progress) {
  progress.Step(fmt::format("write a flat cpio for init = {}", guest.init));
  const std::string key = Sha256Hex(
      fmt::format("flat-1 {} {} {}", guest.digest, kArtifactEpoch, FormatOf(compression).name));
  return inputs.bodies.Get(key, [&]() -> Result<std::string> {
    INRO_ASSIGN(const Tree flat, FlatTree(guest.tree));
    return WriteFlatInitrd(flat, compression, kArtifactEpoch);
  });
}

}  // namespace

Result<ManifestArtifact> MakeInitrd(const ArtifactInputs& inputs, const GuestTree& guest,
                                    const std::string& name, Progress& progress) {
  const bool nested = inputs.definition.initrd.layout == InitrdLayout::kNested;
  const Compression compression = CompressionOf(inputs.definition.initrd.compression);
  INRO_ASSIGN(const std::string bytes, nested ? NestedInitrd(inputs, guest, progress)
                                              : FlatInitrd(inputs, guest, compression, progress));
  INRO_TRY(inputs.staging.Write(name, bytes));
  ManifestArtifact artifact;
  artifact.form = "initrd";
  artifact.path = name;
  artifact.format = nested ? "nested" : "flat";
  artifact.compression = nested ? "" : std::string(FormatOf(compression).name);
  artifact.init = guest.init;
  artifact.size = bytes.size();
  artifact.sha256 = Sha256Hex(bytes);
  artifact.boot.attach = {"initrd"};
  artifact.boot.cmdline = inputs.definition.kernel_parameters;
  artifact.boot.kata = {{"kernel", inputs.definition.name + ".kernel"}, {"initrd", name}};
  return artifact;
}

Result<ManifestArtifact> MakeImage(const ArtifactInputs& inputs, const GuestTree& guest,
                                   const std::string& name, Progress& progress) {
  progress.Step(fmt::format("write the disk for init = {}", guest.init));
  const ImageSettings& settings = inputs.definition.image;
  DiskOptions options;
  options.format = settings.format == DiskFormat::kErofs ? RootFormat::kErofs : RootFormat::kExt4;
  options.epoch = kArtifactEpoch;
  options.free_bytes = settings.free;
  // A disk of a given size is one whose size is a multiple of it and which is not larger.
  options.align = settings.size != 0 ? settings.size : settings.align;
  if (settings.size != 0) options.free_bytes = 0;
  DiskInfo info;
  std::string sha256;
  INRO_TRY(inputs.staging.Make(name, [&](const std::string& path) -> Result<> {
    INRO_ASSIGN(info, WriteDisk(guest.tree, path, options));
    INRO_ASSIGN(const std::string bytes, sys::ReadFile(path, std::size_t{1} << 41));
    sha256 = Sha256Hex(bytes);
    return {};
  }));
  if (settings.size != 0 && info.size != settings.size) {
    return inputs.definition.ErrorAt(
        "image.size",
        fmt::format("image.size = {} is too small for {} bytes of files: leave it out "
                    "to get the smallest disk",
                    settings.size, guest.tree.TotalBytes()));
  }
  progress.Update(info.size, 0, "B");
  ManifestArtifact artifact;
  artifact.form = "image";
  artifact.path = name;
  artifact.format = fmt::format("disk/{}", RootFormatName(options.format));
  artifact.init = guest.init;
  artifact.size = info.size;
  artifact.sha256 = sha256;
  artifact.boot.attach = inputs.kernel.attach;
  if (!inputs.kernel.attach.empty()) {
    artifact.boot.root = std::string(RootDevice(inputs.kernel.attach.front()));
  }
  artifact.boot.root_type = std::string(RootFormatName(options.format));
  artifact.boot.cmdline = {"ro", "rootwait"};
  for (const std::string& word : inputs.definition.kernel_parameters) {
    artifact.boot.cmdline.push_back(word);
  }
  artifact.boot.kata = {{"kernel", inputs.definition.name + ".kernel"},
                        {"image", name},
                        {"rootfs_type", artifact.boot.root_type}};
  return artifact;
}

}  // namespace inro::image
