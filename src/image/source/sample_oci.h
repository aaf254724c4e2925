// Small OCI image layouts for tests.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "image/source/sample_deb.h"
#include "image/tree/digest.h"
#include "sys/file.h"

namespace inro::image::sample {

inline constexpr char kOciLayer[] = "application/vnd.oci.image.layer.v1.tar";
inline constexpr char kOciManifest[] = "application/vnd.oci.image.manifest.v1+json";
inline constexpr char kOciIndex[] = "application/vnd.oci.image.index.v1+json";
inline constexpr char kOciConfig[] = "application/vnd.oci.image.config.v1+json";

// The files of a layout by name, filled from the blobs up.
struct OciLayout {
  using Json = nlohmann::json;

  std::map<std::string, std::string> files{{"oci-layout", R"({"imageLayoutVersion":"1.0.0"})"}};
  Json entries = Json::array();  // of index.json

  // Adds a blob and gives its descriptor.
  Json Blob(const std::string& bytes, const std::string& media_type) {
    const std::string hash = Sha256Hex(bytes);
    files["blobs/sha256/" + hash] = bytes;
    return {{"mediaType", media_type}, {"digest", "sha256:" + hash}, {"size", bytes.size()}};
  }

  // Adds an image of these layers (descriptors) and gives its manifest's descriptor.
  Json Image(const std::vector<Json>& layers, const std::string& architecture = "amd64") {
    const Json config{{"os", "linux"},
                      {"architecture", architecture},
                      {"config", {{"Entrypoint", {"/bin/none"}}, {"Env", {"A=b"}}}}};
    Json manifest{{"schemaVersion", 2}, {"mediaType", kOciManifest}, {"layers", layers}};
    manifest["config"] = Blob(config.dump(), kOciConfig);
    return Blob(manifest.dump(), kOciManifest);
  }

  Json Layer(const std::vector<Entry>& tar, const char* filter = "none") {
    return Blob(Tar(tar, filter), filter == std::string("none")
                                      ? kOciLayer
                                      : fmt::format("{}+{}", kOciLayer, filter));
  }

  void Finish() { files["index.json"] = Json{{"schemaVersion", 2}, {"manifests", entries}}.dump(); }

  Result<> WriteFolder(const std::string& folder) {
    Finish();
    INRO_TRY(sys::MakeDirectories(folder + "/blobs/sha256"));
    for (const auto& [name, bytes] : files) INRO_TRY(sys::WriteFile(folder + "/" + name, bytes));
    return {};
  }

  std::string Archive(const char* filter = "none") {
    Finish();
    std::vector<Entry> tar{Folder("blobs/"), Folder("blobs/sha256/")};
    for (const auto& [name, bytes] : files) tar.push_back(File(name, bytes));
    return Tar(tar, filter);
  }
};

}  // namespace inro::image::sample
