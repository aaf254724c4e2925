#include "image/source/oci.h"

#include "image/source/dpkg_status.h"
#include "image/source/oci_blobs.h"
#include "image/source/oci_choice.h"
#include "image/source/oci_document.h"
#include "image/source/oci_layer.h"

namespace inro::image {
namespace {

constexpr int kDeepestIndex = 4;  // of an index in an index
constexpr std::uint64_t kLayerLimit = std::uint64_t{8} << 30;

// From index.json through further indexes down to a manifest.
Result<OciDescriptor> FindManifest(const OciBlobs& blobs, const OciPlatform& platform,
                                   const std::string& tag) {
  INRO_ASSIGN(Content text, blobs.Index());
  std::string name = blobs.NameOf("index.json");
  std::string wanted = tag;
  for (int depth = 0; depth < kDeepestIndex; ++depth) {
    INRO_ASSIGN(const auto entries, ParseOciIndex(text.view(), name));
    INRO_ASSIGN(OciDescriptor entry, ChooseOciEntry(entries, platform, wanted, name));
    if (OciMediaOf(entry.media_type) == OciMedia::kManifest) return entry;
    INRO_ASSIGN(text, blobs.Read(entry, kOciDocumentLimit));
    name = blobs.NameOf(entry.digest);
    wanted.clear();  // only index.json has names
  }
  return FailAs(ErrorKind::kBadInput, "{}: indexes in indexes, too deep", name);
}

Result<> CheckConfig(const OciBlobs& blobs, const OciManifest& manifest,
                     const OciPlatform& platform, std::string_view name) {
  if (OciMediaOf(manifest.config.media_type) != OciMedia::kConfig) {
    return FailAs(ErrorKind::kBadInput, "{}: not a container image: its configuration is '{}'",
                  name, manifest.config.media_type);
  }
  INRO_ASSIGN(const Content text, blobs.Read(manifest.config, kOciDocumentLimit));
  const std::string config_name = blobs.NameOf(manifest.config.digest);
  INRO_ASSIGN(const OciConfig config, ParseOciConfig(text.view(), config_name));
  if (FitsPlatform(config, platform)) return {};
  return FailAs(ErrorKind::kBadInput, "{}: the image is for {}/{}, not for linux/{}", config_name,
                config.os, config.architecture, platform.architecture);
}

}  // namespace

Result<SourceTree> ImportOci(const OciOptions& options, Progress& progress) {
  progress.Step(fmt::format("read {}", options.path));
  INRO_ASSIGN(const OciBlobs blobs, OciBlobs::Open(options.path, progress));
  const OciPlatform platform = OciPlatformOf(options.architecture);
  INRO_ASSIGN(const OciDescriptor chosen, FindManifest(blobs, platform, options.tag));
  INRO_ASSIGN(const Content text, blobs.Read(chosen, kOciDocumentLimit));
  const std::string name = blobs.NameOf(chosen.digest);
  INRO_ASSIGN(const OciManifest manifest, ParseOciManifest(text.view(), name));
  INRO_TRY(CheckConfig(blobs, manifest, platform, name));
  SourceTree source;
  OciBudget budget;
  for (std::size_t i = 0; i < manifest.layers.size(); ++i) {
    const OciDescriptor& layer = manifest.layers[i];
    if (OciMediaOf(layer.media_type) != OciMedia::kLayer) {
      return FailAs(ErrorKind::kBadInput,
                    "{}: a layer of media type '{}', which is none that can "
                    "be read",
                    name, layer.media_type);
    }
    INRO_ASSIGN(const Content bytes, blobs.Read(layer, kLayerLimit));
    INRO_TRY(ApplyOciLayer(source.tree, bytes.view(), blobs.NameOf(layer.digest), budget));
    progress.Update(i + 1, manifest.layers.size(), "layers");
  }
  if (source.tree.nodes().size() < 2) {
    return FailAs(ErrorKind::kBadInput, "{}: the image has no files", name);
  }
  source.packages = InstalledPackages(source.tree);
  return source;
}

}  // namespace inro::image
