// `inro config`: makes a Kata installation boot an artifact.
#include <nlohmann/json.hpp>

#include "artifact_choice.h"
#include "protocol/extension_parameter.h"
#include "verbs.h"
#include "vmm/kata/drop_in.h"
#include "vmm/kata/kata_config.h"

namespace inro::cli {
namespace {

constexpr char kDropInName[] = "50-inro";

class ConfigVerb final : public Verb {
 public:
  std::vector<Option> Options() override {
    return {
        {"ARTIFACT", "", &artifact_, "An image, an initrd or a manifest", {}, true},
        {"--kata", "FILE", &kata_, "Your configuration.toml", {}, true},
        {"--form", "", &form_, "Of a manifest (default: initrd)", {"image", "initrd"}},
        {"--init", "INIT", &init_, "Of a manifest"},
        {"--kernel",
         "",
         &kernel_,
         "Keep the kernel that configuration.toml names, or use the one of the build (default: "
         "keep "
         "for an image, build for an initrd)",
         {"keep", "build"}},
        {"--print", "", &print_, "Print the drop-in and write nothing"},
        {"--format", "", &format_, "How to print it", {"text", "json"}},
    };
  }

  Result<int> Run(Session&) override {
    INRO_ASSIGN(const ChosenArtifact chosen, ChooseArtifact(artifact_, form_, init_));
    const std::string path = vmm::DropInPath(kata_, kDropInName);
    // The user's own settings, not what this verb wrote before.
    INRO_ASSIGN(const vmm::KataConfig base, vmm::ReadKataConfig(kata_, "", path));
    INRO_ASSIGN(const vmm::DropInArtifact artifact, Describe(chosen));
    INRO_ASSIGN(const std::string text, vmm::DropInText(artifact, base));
    if (!print_) INRO_TRY(vmm::WriteDropIn(path, artifact, base));
    if (format_ == "json") {
      const nlohmann::ordered_json document = {
          {"schema", "inro-config/1"}, {"path", path}, {"written", !print_}, {"text", text}};
      INRO_TRY(Print(document.dump(2) + "\n"));
    } else {
      INRO_TRY(Print(print_ ? text : path + "\n"));
    }
    return 0;
  }

 private:
  Result<vmm::DropInArtifact> Describe(const ChosenArtifact& chosen) const {
    const bool image = chosen.artifact.form == "image";
    vmm::DropInArtifact artifact;
    artifact.form = image ? vmm::ArtifactForm::kImage : vmm::ArtifactForm::kInitrd;
    artifact.path = chosen.path();
    artifact.init = chosen.artifact.init;
    if (image) artifact.rootfs_type = chosen.artifact.boot.root_type;
    for (const std::string& word : chosen.artifact.boot.cmdline) {
      // Kata gives these by itself.
      if (word != "ro" && word != "rootwait") artifact.kernel_params.push_back(word);
    }
    for (const image::ManifestArtifact& one : chosen.manifest.artifacts) {
      if (one.form != "extension" || one.boot.cmdline.empty()) continue;
      for (const auto& word : protocol::ExtensionWords(one.boot.cmdline.front())) {
        artifact.extensions.push_back({word.name, chosen.folder + "/" + one.path, word.value});
      }
    }
    const bool keep = kernel_.empty() ? image : kernel_ == "keep";
    const image::ManifestArtifact* kernel = chosen.manifest.Artifact("kernel");
    if (keep || kernel == nullptr) return artifact;
    artifact.kernel_path = chosen.folder + "/" + kernel->path;
    INRO_ASSIGN(const bool stock, vmm::IsDebianKernel(artifact.kernel_path));
    artifact.kernel = stock ? vmm::DropInKernel::kStock : vmm::DropInKernel::kUser;
    return artifact;
  }

  std::string artifact_;
  std::string kata_;
  std::string form_;
  std::string init_;
  std::string kernel_;
  bool print_ = false;
  std::string format_ = "text";
};

}  // namespace

std::unique_ptr<Verb> MakeConfigVerb() { return std::make_unique<ConfigVerb>(); }

}  // namespace inro::cli
