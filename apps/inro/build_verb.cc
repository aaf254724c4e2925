// `inro build`.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "image/build/build.h"
#include "image/build/guest_binaries.h"
#include "image/definition/definition.h"
#include "verbs.h"

namespace inro::cli {
namespace {

class BuildVerb final : public Verb {
 public:
  std::vector<Option> Options() override {
    return {
        {"DEFINITION", "", &path_, "A folder with an image.toml, or the file itself", {}, true},
        {"-o,--out", "DIR", &options_.out_dir, "Where the artifacts go (default: here)"},
        {"--form", "", &form_, "Build this form only", {"image", "initrd"}},
        {"--init", "INIT", &init_, "Another init than the definition's: systemd, inro or a path"},
        {"--strict", "", &options_.strict,
         "A maintainer script that is not run, or a directive that is not enforced, is an error"},
        {"--refresh", "", &options_.refresh,
         "Fetch package lists even when those at hand are young"},
        {"--cache", "DIR", &options_.cache_dir, "The cache (default: ~/.cache/inro)"},
        {"--format", "", &format_, "How to print what was made", {"text", "json"}},
    };
  }

  Result<int> Run(Session& session) override {
    INRO_ASSIGN(const image::Definition definition, image::LoadDefinition(path_));
    INRO_ASSIGN(options_.guest_dir, image::FindGuestDir(session.program));
    options_.interrupt = session.interrupt;
    for (const image::Variant& variant : image::DefinedVariants(definition)) {
      if (!form_.empty() &&
          image::kForms[static_cast<std::size_t>(variant.form)] != std::string_view(form_)) {
        continue;
      }
      options_.variants.push_back({variant.form, init_.empty() ? variant.init : init_});
    }
    if (!init_.empty() && init_ != "systemd" && init_ != "inro" && !init_.starts_with('/')) {
      return FailAs(ErrorKind::kBadInput,
                    "--init: '{}' is no init: use systemd, inro or an absolute path", init_);
    }
    INRO_ASSIGN(const image::BuildResult built,
                image::Build(definition, options_, session.progress));
    session.progress.Step("");
    INRO_TRY(Print(format_ == "json" ? Json(built) : Text(built)));
    return 0;
  }

 private:
  static std::string Text(const image::BuildResult& built) {
    std::string text;
    for (const image::BuiltArtifact& artifact : built.artifacts) {
      text += fmt::format("{}  {:.1f} MB, init = {}\n", artifact.path,
                          static_cast<double>(artifact.bytes) / 1e6, artifact.init);
    }
    for (const image::BuiltExtension& extension : built.extensions) {
      text += fmt::format("{}  {:.1f} MB, extension {}\n", extension.path,
                          static_cast<double>(extension.bytes) / 1e6, extension.name);
    }
    return text + fmt::format("{}\n{}\n", built.kernel, built.manifest);
  }

  static std::string Json(const image::BuildResult& built) {
    nlohmann::ordered_json artifacts = nlohmann::ordered_json::array();
    for (const image::BuiltArtifact& artifact : built.artifacts) {
      artifacts.push_back({{"form", image::kForms[static_cast<std::size_t>(artifact.form)]},
                           {"init", artifact.init},
                           {"path", artifact.path},
                           {"bytes", artifact.bytes},
                           {"sha256", artifact.sha256}});
    }
    nlohmann::ordered_json document = {{"schema", "inro-build/1"},   {"name", built.name},
                                       {"artifacts", artifacts},     {"kernel", built.kernel},
                                       {"manifest", built.manifest}, {"notes", built.notes}};
    for (const image::BuiltExtension& extension : built.extensions) {
      document["extensions"].push_back({{"name", extension.name},
                                        {"path", extension.path},
                                        {"bytes", extension.bytes},
                                        {"kernel_parameter", extension.parameter}});
    }
    return document.dump(2) + "\n";
  }

  std::string path_;
  std::string form_;
  std::string init_;
  std::string format_ = "text";
  image::BuildOptions options_;
};

}  // namespace

std::unique_ptr<Verb> MakeBuildVerb() { return std::make_unique<BuildVerb>(); }

}  // namespace inro::cli
