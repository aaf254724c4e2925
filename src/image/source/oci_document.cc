#include "image/source/oci_document.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace inro::image {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostEntries = 1000;
constexpr std::size_t kDigestDigits = 64;
constexpr std::string_view kSha256 = "sha256:";

constexpr struct {
  std::string_view media_type;
  OciMedia media;
} kMediaTypes[] = {
    {"application/vnd.oci.image.index.v1+json", OciMedia::kIndex},
    {"application/vnd.docker.distribution.manifest.list.v2+json", OciMedia::kIndex},
    {"application/vnd.oci.image.manifest.v1+json", OciMedia::kManifest},
    {"application/vnd.docker.distribution.manifest.v2+json", OciMedia::kManifest},
    {"application/vnd.oci.image.config.v1+json", OciMedia::kConfig},
    {"application/vnd.docker.container.image.v1+json", OciMedia::kConfig},
    {"application/vnd.oci.image.layer.v1.tar", OciMedia::kLayer},
    {"application/vnd.oci.image.layer.v1.tar+gzip", OciMedia::kLayer},
    {"application/vnd.oci.image.layer.v1.tar+zstd", OciMedia::kLayer},
    {"application/vnd.oci.image.layer.nondistributable.v1.tar", OciMedia::kLayer},
    {"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", OciMedia::kLayer},
    {"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", OciMedia::kLayer},
    {"application/vnd.docker.image.rootfs.diff.tar", OciMedia::kLayer},
    {"application/vnd.docker.image.rootfs.diff.tar.gzip", OciMedia::kLayer},
    {"application/vnd.docker.image.rootfs.diff.tar.zstd", OciMedia::kLayer},
    {"application/vnd.docker.image.rootfs.foreign.diff.tar", OciMedia::kLayer},
    {"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", OciMedia::kLayer},
};

template <class... Args>
std::unexpected<Error> Wrong(std::string_view name, fmt::format_string<Args...> format,
                             Args&&... args) {
  return FailAs(ErrorKind::kBadInput, "{}: {}", name,
                fmt::format(format, std::forward<Args>(args)...));
}

Result<Json> ParseObject(std::string_view text, std::string_view name) {
  if (text.size() > kOciDocumentLimit) {
    return Wrong(name, "more than {} bytes of JSON", kOciDocumentLimit);
  }
  Json document = Json::parse(text, nullptr, false);
  if (document.is_discarded()) return Wrong(name, "not JSON");
  if (!document.is_object()) return Wrong(name, "not a JSON object");
  return document;
}

// The text at `key`; absent and null are empty, another type is an error.
Result<std::string> Text(const Json& object, const char* key, std::string_view name) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return "";
  if (!found->is_string()) return Wrong(name, "{} is not a text", key);
  return found->get<std::string>();
}

// The object at `key`; an empty one when it is absent or null.
Result<Json> Object(const Json& object, const char* key, std::string_view name) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return Json::object();
  if (!found->is_object()) return Wrong(name, "{} is not an object", key);
  return *found;
}

Result<> CheckDigest(std::string_view digest, std::string_view name) {
  if (!digest.starts_with(kSha256)) {
    return Wrong(name, "the digest '{}' is not of sha256, which is the one that is supported",
                 digest);
  }
  const std::string_view digits = digest.substr(kSha256.size());
  if (digits.size() != kDigestDigits ||
      digits.find_first_not_of("0123456789abcdef") != std::string_view::npos) {
    return Wrong(name, "'{}' is not a digest", digest);
  }
  return {};
}

Result<OciDescriptor> ReadDescriptor(const Json& object, std::string_view name) {
  if (!object.is_object()) return Wrong(name, "a descriptor is not an object");
  OciDescriptor out;
  INRO_ASSIGN(out.media_type, Text(object, "mediaType", name));
  INRO_ASSIGN(out.digest, Text(object, "digest", name));
  INRO_TRY(CheckDigest(out.digest, name));
  const auto size = object.find("size");
  if (size == object.end() || !size->is_number_unsigned()) {
    return Wrong(name, "the size of {} is not a number of bytes", out.digest);
  }
  out.size = size->get<std::uint64_t>();
  INRO_ASSIGN(const Json platform, Object(object, "platform", name));
  INRO_ASSIGN(out.os, Text(platform, "os", name));
  INRO_ASSIGN(out.architecture, Text(platform, "architecture", name));
  INRO_ASSIGN(out.variant, Text(platform, "variant", name));
  INRO_ASSIGN(const Json annotations, Object(object, "annotations", name));
  INRO_ASSIGN(out.ref_name, Text(annotations, "org.opencontainers.image.ref.name", name));
  INRO_ASSIGN(out.image_name, Text(annotations, "io.containerd.image.name", name));
  return out;
}

Result<std::vector<OciDescriptor>> ReadDescriptors(const Json& object, const char* key,
                                                   std::string_view name) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array()) return Wrong(name, "{} is not a list", key);
  if (found->size() > kMostEntries) {
    return Wrong(name, "{} has more than {} entries", key, kMostEntries);
  }
  std::vector<OciDescriptor> out;
  for (const Json& element : *found) {
    INRO_ASSIGN(OciDescriptor descriptor, ReadDescriptor(element, name));
    out.push_back(std::move(descriptor));
  }
  return out;
}

// Both kinds of document say 2 here; one that says something else is of another format.
Result<> CheckSchemaVersion(const Json& document, std::string_view name) {
  const auto version = document.find("schemaVersion");
  if (version == document.end() || !version->is_number_integer() || *version != 2) {
    return Wrong(name, "schemaVersion is not 2");
  }
  return {};
}

}  // namespace

OciMedia OciMediaOf(std::string_view media_type) {
  const auto* row = std::ranges::find_if(
      kMediaTypes, [&](const auto& known) { return known.media_type == media_type; });
  return row == std::end(kMediaTypes) ? OciMedia::kOther : row->media;
}

Result<std::vector<OciDescriptor>> ParseOciIndex(std::string_view text, std::string_view name) {
  INRO_ASSIGN(const Json document, ParseObject(text, name));
  INRO_TRY(CheckSchemaVersion(document, name));
  return ReadDescriptors(document, "manifests", name);
}

Result<OciManifest> ParseOciManifest(std::string_view text, std::string_view name) {
  INRO_ASSIGN(const Json document, ParseObject(text, name));
  INRO_TRY(CheckSchemaVersion(document, name));
  const auto config = document.find("config");
  if (config == document.end()) return Wrong(name, "config is missing");
  OciManifest manifest;
  INRO_ASSIGN(manifest.config, ReadDescriptor(*config, name));
  INRO_ASSIGN(manifest.layers, ReadDescriptors(document, "layers", name));
  return manifest;
}

Result<OciConfig> ParseOciConfig(std::string_view text, std::string_view name) {
  INRO_ASSIGN(const Json document, ParseObject(text, name));
  OciConfig config;
  INRO_ASSIGN(config.os, Text(document, "os", name));
  INRO_ASSIGN(config.architecture, Text(document, "architecture", name));
  INRO_ASSIGN(config.variant, Text(document, "variant", name));
  return config;
}

Result<> CheckOciLayout(std::string_view text, std::string_view name) {
  INRO_ASSIGN(const Json document, ParseObject(text, name));
  INRO_ASSIGN(const std::string version, Text(document, "imageLayoutVersion", name));
  if (version.starts_with("1.")) return {};
  return Wrong(name, "imageLayoutVersion '{}' is not one of 1.x", version);
}

}  // namespace inro::image
