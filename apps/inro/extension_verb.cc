// `inro extension`: a guest extension image from a folder.
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "image/build/extension_artifact.h"
#include "protocol/extension_parameter.h"
#include "verbs.h"

namespace inro::cli {
namespace {

class ExtensionVerb final : public Verb {
 public:
  std::vector<Option> Options() override {
    return {
        {"FOLDER", "", &settings_.source, "What the guest will see", {}, true},
        {"--name", "NAME", &settings_.name, "Name of the extension (default: the folder's)"},
        {"-o,--out", "DIR", &out_dir_, "Where NAME.img and NAME.cmdline go (default: here)"},
        {"--no-verity", "", &unmeasured_, "Without dm-verity: the guest mounts it unverified"},
        {"--format", "", &format_, "How to print what was made", {"text", "json"}},
    };
  }

  Result<int> Run(Session& session) override {
    if (settings_.name.empty()) settings_.name = FolderName(settings_.source);
    INRO_TRY(image::CheckExtensionName(settings_.name));
    if (::access(settings_.source.c_str(), F_OK) != 0) {
      return std::unexpected(Error::InFile(settings_.source, 0, "no such folder"));
    }
    settings_.verity = !unmeasured_;
    session.progress.Step(fmt::format("write the extension {}", settings_.name));
    INRO_ASSIGN(const image::ExtensionImage image,
                image::ExtensionFromFolder(settings_, session.progress));
    const std::string file = settings_.name + ".img";
    INRO_ASSIGN(image::Staging staging, image::Staging::Create(out_dir_, session.interrupt));
    INRO_TRY(image::StageExtension(image, file, staging));
    INRO_TRY(staging.Publish());
    session.progress.Step("");
    const std::string path = out_dir_ + "/" + file;
    INRO_TRY(Print(format_ == "json" ? Json(path, image) : Text(path, image)));
    return 0;
  }

 private:
  static std::string FolderName(std::string path) {
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    return path.substr(path.rfind('/') + 1);
  }

  static std::string VerityOf(const image::ExtensionImage& image) {
    return protocol::ExtensionWords(image.parameter).front().value;
  }

  std::string Text(const std::string& path, const image::ExtensionImage& image) const {
    return fmt::format(
        "{}  {:.1f} MB, {}\n"
        "kernel parameter: {}\n"
        "in Kata's configuration.toml:\n"
        "[[hypervisor.qemu.guest_extension_images]]\n"
        "name = \"{}\"\n"
        "path = \"{}\"\n"
        "verity_params = \"{}\"\n",
        path, static_cast<double>(image.bytes.size()) / 1e6,
        settings_.verity ? "verified" : "not verified", image.parameter, settings_.name, path,
        VerityOf(image));
  }

  std::string Json(const std::string& path, const image::ExtensionImage& image) const {
    nlohmann::ordered_json document = {{"schema", "inro-extension/1"},
                                       {"name", settings_.name},
                                       {"path", path},
                                       {"bytes", image.bytes.size()},
                                       {"kernel_parameter", image.parameter}};
    const auto verity = protocol::ParseVerityParameters(VerityOf(image));
    if (settings_.verity && verity) {
      document["verity_params"] = VerityOf(image);
      document["root_hash"] = verity->root_hash;
    }
    return document.dump(2) + "\n";
  }

  image::ExtensionSettings settings_;
  std::string out_dir_ = ".";
  bool unmeasured_ = false;
  std::string format_ = "text";
};

}  // namespace

std::unique_ptr<Verb> MakeExtensionVerb() { return std::make_unique<ExtensionVerb>(); }

}  // namespace inro::cli
