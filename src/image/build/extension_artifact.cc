#include "image/build/extension_artifact.h"

#include "image/build/artifacts.h"
#include "image/source/directory.h"
#include "image/tree/digest.h"

namespace inro::image {
namespace {

constexpr std::string_view kCapability = "security.capability";

}  // namespace

Result<ExtensionImage> ExtensionFromFolder(const ExtensionSettings& settings, Progress& progress) {
  INRO_ASSIGN(const SourceTree source, ImportDirectory(settings.source, progress));
  Tree tree;
  for (const auto& [path, imported] : source.tree.nodes()) {
    Node node = imported;
    node.uid = 0;
    node.gid = 0;
    std::erase_if(node.xattrs, [](const auto& xattr) { return xattr.first != kCapability; });
    INRO_TRY(tree.Put(path, std::move(node)));
  }
  // The top is what the mount point shows; a private folder of the user's would shut others out.
  tree.Find("")->mode = 0755;
  return MakeExtensionImage(settings.name, tree,
                            {.measured = settings.verity, .epoch = kArtifactEpoch});
}

Result<> StageExtension(const ExtensionImage& image, const std::string& file_name,
                        Staging& staging) {
  INRO_TRY(staging.Write(file_name, image.bytes));
  return staging.Write(ExtensionParameterPath(file_name), image.parameter + "\n");
}

Result<std::vector<BuiltExtension>> MakeExtensions(const Definition& definition,
                                                   const std::string& out_dir, Staging& staging,
                                                   Manifest& manifest, Progress& progress) {
  std::vector<BuiltExtension> built;
  for (const ExtensionSettings& settings : definition.extensions) {
    progress.Step(fmt::format("write the extension {}", settings.name));
    auto image = ExtensionFromFolder(settings, progress);
    if (!image) {
      return std::unexpected(
          Error::InFile(definition.file, settings.line,
                        fmt::format("extension {}: {}", settings.name, image.error().ToString())));
    }
    ManifestArtifact artifact;
    artifact.form = "extension";
    artifact.path = fmt::format("{}-{}.extension.img", definition.name, settings.name);
    artifact.format = settings.verity ? "disk/erofs+verity" : "disk/erofs";
    artifact.size = image->bytes.size();
    artifact.sha256 = Sha256Hex(image->bytes);
    artifact.boot.attach = {"virtio-blk"};
    artifact.boot.cmdline = {image->parameter};
    INRO_TRY(StageExtension(*image, artifact.path, staging));
    built.push_back(
        {settings.name, out_dir + "/" + artifact.path, artifact.size, std::move(image->parameter)});
    manifest.artifacts.push_back(std::move(artifact));
  }
  return built;
}

}  // namespace inro::image
