// The JSON documents of an OCI image layout: image index, image manifest and image configuration
// (OCI image-spec 1.1; Docker's manifest list, manifest and configuration, which have the same
// fields).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace inro::image {

// What a blob is, as far as an image of a guest's root is concerned.
enum class OciMedia {
  kOther,  // a signature, an attestation, an encrypted layer, ...
  kIndex,
  kManifest,
  kConfig,
  kLayer,  // a tar, plain or compressed
};

OciMedia OciMediaOf(std::string_view media_type);

// A reference to a blob.
struct OciDescriptor {
  std::string media_type;  // empty: not said
  std::string digest;      // "sha256:" and 64 hexadecimal digits, lower case
  std::uint64_t size = 0;  // bytes
  std::string os;          // of the platform; empty: not said
  std::string architecture;
  std::string variant;
  std::string ref_name;    // annotation org.opencontainers.image.ref.name
  std::string image_name;  // annotation io.containerd.image.name, which docker save writes

  bool operator==(const OciDescriptor&) const = default;
};

struct OciManifest {
  OciDescriptor config;
  std::vector<OciDescriptor> layers;  // the lowest first
};

struct OciConfig {
  std::string os;
  std::string architecture;
  std::string variant;
};

inline constexpr std::size_t kOciDocumentLimit = std::size_t{4} << 20;  // bytes of JSON

// `name` is for messages. Malformed documents, a digest of another form and more than a thousand
// entries are kBadInput.
Result<std::vector<OciDescriptor>> ParseOciIndex(std::string_view text, std::string_view name);
Result<OciManifest> ParseOciManifest(std::string_view text, std::string_view name);
Result<OciConfig> ParseOciConfig(std::string_view text, std::string_view name);
// The file oci-layout: an error unless its version is 1.x.
Result<> CheckOciLayout(std::string_view text, std::string_view name);

}  // namespace inro::image
