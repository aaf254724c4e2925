#include "artifact_choice.h"

#include <limits.h>
#include <stdlib.h>

#include "sys/directory.h"
#include "sys/file.h"

namespace inro::cli {
namespace {

constexpr std::string_view kManifestEnd = ".manifest.json";

Result<std::string> RealPath(const std::string& path) {
  char real[PATH_MAX];
  if (::realpath(path.c_str(), real) == nullptr) {
    return std::unexpected(Error::InFile(path, 0, "no such file"));
  }
  return std::string(real);
}

Result<image::Manifest> ReadManifest(const std::string& path) {
  INRO_ASSIGN(const std::string text, sys::ReadFile(path));
  return image::ParseManifest(text, path);
}

// An artifact's name is NAME.SUFFIX or NAME-INIT.SUFFIX: the manifests that can be meant.
std::vector<std::string> Candidates(const std::string& file) {
  std::string name = file.substr(0, file.rfind('.'));
  std::vector<std::string> paths;
  while (true) {
    paths.push_back(name + std::string(kManifestEnd));
    const std::size_t dash = name.rfind('-');
    if (dash == std::string::npos || dash <= name.rfind('/') + 1) return paths;
    name.resize(dash);
  }
}

Result<image::ManifestArtifact> Pick(const image::Manifest& manifest, const std::string& path,
                                     const std::string& form, const std::string& init) {
  const std::vector<std::string> forms =
      form.empty() ? std::vector<std::string>{"initrd", "image"} : std::vector<std::string>{form};
  for (const std::string& wanted : forms) {
    for (const image::ManifestArtifact& artifact : manifest.artifacts) {
      if (artifact.form == wanted && (init.empty() || artifact.init == init)) return artifact;
    }
  }
  std::string there;
  for (const image::ManifestArtifact& artifact : manifest.artifacts) {
    if (artifact.form != "initrd" && artifact.form != "image") continue;
    there +=
        fmt::format("{}{} (init = {})", there.empty() ? "" : ", ", artifact.form, artifact.init);
  }
  return std::unexpected(
      Error::InFile(path, 0, fmt::format("there is no such artifact; there are: {}", there)));
}

}  // namespace

Result<ChosenArtifact> ChooseArtifact(const std::string& given, const std::string& form,
                                      const std::string& init) {
  INRO_ASSIGN(const std::string path, RealPath(given));
  ChosenArtifact chosen;
  chosen.folder = path.substr(0, path.rfind('/'));
  if (path.ends_with(".json")) {
    chosen.manifest_path = path;
    INRO_ASSIGN(chosen.manifest, ReadManifest(path));
    INRO_ASSIGN(chosen.artifact, Pick(chosen.manifest, given, form, init));
    return chosen;
  }
  const std::string name = path.substr(path.rfind('/') + 1);
  for (const std::string& candidate : Candidates(path)) {
    if (!sys::Exists(candidate)) continue;
    INRO_ASSIGN(chosen.manifest, ReadManifest(candidate));
    for (const image::ManifestArtifact& artifact : chosen.manifest.artifacts) {
      if (artifact.path != name) continue;
      if (artifact.form == "kernel") {
        return std::unexpected(Error::InFile(given, 0, "a kernel: name the image or the initrd"));
      }
      if (artifact.form == "extension") {
        return std::unexpected(Error::InFile(
            given, 0, "an extension: name the image or the initrd, and this with --extension"));
      }
      chosen.manifest_path = candidate;
      chosen.artifact = artifact;
      return chosen;
    }
  }
  return std::unexpected(
      Error::InFile(given, 0,
                    fmt::format("no manifest beside it names it: keep {} in the same folder",
                                Candidates(name).front())));
}

}  // namespace inro::cli
