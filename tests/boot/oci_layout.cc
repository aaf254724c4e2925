#include "oci_layout.h"

#include <fmt/format.h>

#include "image/tree/digest.h"
#include "sys/file.h"

namespace inro::boot_test {
namespace {

// Writes a blob and gives its descriptor.
Result<std::string> PutBlob(const std::string& folder, std::string_view bytes,
                            std::string_view media_type) {
  const std::string hash = image::Sha256Hex(bytes);
  INRO_TRY(sys::WriteFile(fmt::format("{}/blobs/sha256/{}", folder, hash), bytes));
  return fmt::format(R"({{"mediaType":"{}","digest":"sha256:{}","size":{}}})", media_type, hash,
                     bytes.size());
}

}  // namespace

Result<> WriteOciLayout(const std::string& folder, const std::vector<std::string>& layers) {
  INRO_TRY(sys::RemoveAll(folder));
  INRO_TRY(sys::MakeDirectories(folder + "/blobs/sha256"));
  std::string list;
  for (const std::string& layer : layers) {
    INRO_ASSIGN(const std::string bytes, sys::ReadFile(layer));
    INRO_ASSIGN(const std::string descriptor,
                PutBlob(folder, bytes, "application/vnd.oci.image.layer.v1.tar"));
    list += (list.empty() ? "" : ",") + descriptor;
  }
  INRO_ASSIGN(const std::string config, PutBlob(folder, R"({"os":"linux","architecture":"amd64"})",
                                                "application/vnd.oci.image.config.v1+json"));
  INRO_ASSIGN(
      const std::string manifest,
      PutBlob(folder,
              fmt::format(R"({{"schemaVersion":2,"config":{},"layers":[{}]}})", config, list),
              "application/vnd.oci.image.manifest.v1+json"));
  INRO_TRY(sys::WriteFile(folder + "/oci-layout", R"({"imageLayoutVersion":"1.0.0"})"));
  return sys::WriteFile(folder + "/index.json",
                        fmt::format(R"({{"schemaVersion":2,"manifests":[{}]}})", manifest));
}

}  // namespace inro::boot_test
