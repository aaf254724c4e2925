// `inro inspect`: what an artifact holds.
#include <nlohmann/json.hpp>

#include "artifact_choice.h"
#include "extract.h"
#include "image/write/artifact.h"
#include "image/write/manifest.h"
#include "sys/file.h"
#include "verbs.h"

namespace inro::cli {
namespace {

class InspectVerb final : public Verb {
 public:
  std::vector<Option> Options() override {
    return {
        {"ARTIFACT", "", &artifact_, "An image, an initrd, an EROFS or ext4 file", {}, true},
        {"PATH", "", &path_, "A path in the guest: list only what lies there"},
        {"--extract", "DIR", &extract_, "Write the files to this new folder"},
        {"--outer", "", &outer_, "Of a nested initrd: the cpio around the body"},
        {"--cat", "", &cat_, "Print the file at PATH"},
        {"--manifest", "", &manifest_, "Print the manifest that names the artifact"},
        {"--format", "", &format_, "How to print it", {"text", "json"}},
    };
  }

  Result<int> Run(Session& session) override {
    if (manifest_) return PrintManifest();
    if (!sys::Exists(artifact_)) {
      return std::unexpected(Error::InFile(artifact_, 0, "no such file"));
    }
    session.progress.Step("read " + artifact_);
    INRO_ASSIGN(const image::OpenedArtifact opened, image::OpenArtifact(artifact_));
    if (outer_ && !opened.outer) {
      return std::unexpected(
          Error::InFile(artifact_, 0, "not a nested initrd: it has no outer cpio"));
    }
    session.progress.Step("");
    const image::Tree& tree = outer_ ? *opened.outer : opened.tree;
    std::string top;
    if (!path_.empty()) {
      auto found = tree.Resolve(path_, false);
      if (!found)
        return FailAs(ErrorKind::kBadInput, "{}: {}", artifact_, found.error().ToString());
      top = *found;
    }
    if (!extract_.empty()) {
      INRO_TRY(ExtractTree(tree, top, extract_, session.progress));
      return 0;
    }
    if (cat_) {
      INRO_ASSIGN(const std::string_view bytes, tree.ReadFile(path_));
      INRO_TRY(Print(bytes));
      return 0;
    }
    INRO_TRY(Print(format_ == "json" ? Json(opened, tree, top) : Text(opened, tree, top)));
    return 0;
  }

 private:
  Result<int> PrintManifest() {
    INRO_ASSIGN(const ChosenArtifact chosen, ChooseArtifact(artifact_, "", ""));
    if (format_ == "json") {
      INRO_ASSIGN(const std::string text, sys::ReadFile(chosen.manifest_path));
      INRO_TRY(Print(text));
      return 0;
    }
    const image::Manifest& manifest = chosen.manifest;
    std::string text = fmt::format("{}: from {}, kernel {}, by inro {}\n", manifest.name,
                                   manifest.source, manifest.kernel_release, manifest.inro_version);
    for (const image::ManifestArtifact& artifact : manifest.artifacts) {
      text += fmt::format("{}  {}  {}  {} bytes  sha256 {}\n", artifact.path, artifact.form,
                          artifact.format, artifact.size, artifact.sha256);
      if (!artifact.boot.attach.empty()) {
        text +=
            fmt::format("  boots by {}{}; parameters: {}\n", fmt::join(artifact.boot.attach, ", "),
                        artifact.boot.root.empty() ? "" : " with root=" + artifact.boot.root,
                        fmt::join(artifact.boot.cmdline, " "));
      }
    }
    for (const image::ManifestTree& tree : manifest.trees) {
      text += fmt::format("tree for init = {}: {} packages, {} entries\n", tree.init,
                          tree.packages.size(), tree.files.size());
      for (const image::ManifestPackage& package : tree.packages) {
        text += fmt::format("  {} {}\n", package.name, package.version);
      }
      for (const std::string& line : tree.scripts_not_run) text += fmt::format("  {}\n", line);
    }
    INRO_TRY(Print(text));
    return 0;
  }

  // The entries at and below `top`.
  static std::vector<image::ManifestFile> Entries(const image::Tree& tree, const std::string& top) {
    std::vector<image::ManifestFile> entries = image::ManifestFiles(tree);
    if (top.empty()) return entries;
    std::erase_if(entries, [&](const image::ManifestFile& file) {
      return file.path != "/" + top && !file.path.starts_with("/" + top + "/");
    });
    return entries;
  }

  static std::string Text(const image::OpenedArtifact& opened, const image::Tree& tree,
                          const std::string& top) {
    std::string text;
    if (top.empty()) {
      text = fmt::format("{}{}{}, {} bytes; {} entries, {} bytes of files\n",
                         image::ArtifactKindName(opened.kind),
                         opened.root_format.empty() ? "" : "/" + opened.root_format,
                         opened.dax_header ? " with a DAX header" : "", opened.size,
                         tree.nodes().size(), tree.TotalBytes());
    }
    for (const image::ManifestFile& file : Entries(tree, top)) {
      const bool device = file.type == "char" || file.type == "block";
      text += fmt::format(
          "{:<9} {:04o} {:>5} {:>5} {:>9} {}{}\n", file.type, file.mode, file.uid, file.gid,
          device ? fmt::format("{},{}", file.major, file.minor) : std::to_string(file.size),
          file.path, file.target.empty() ? "" : " -> " + file.target);
    }
    return text;
  }

  static std::string Json(const image::OpenedArtifact& opened, const image::Tree& tree,
                          const std::string& top) {
    nlohmann::ordered_json files = nlohmann::ordered_json::array();
    for (const image::ManifestFile& file : Entries(tree, top)) {
      nlohmann::ordered_json item = {{"path", file.path},
                                     {"type", file.type},
                                     {"mode", fmt::format("{:04o}", file.mode)},
                                     {"uid", file.uid},
                                     {"gid", file.gid}};
      if (file.type == "file") {
        item["size"] = file.size;
        item["sha256"] = file.sha256;
      }
      if (!file.target.empty()) item["target"] = file.target;
      if (file.type == "char" || file.type == "block") {
        item["major"] = file.major;
        item["minor"] = file.minor;
      }
      files.push_back(std::move(item));
    }
    const nlohmann::ordered_json document = {{"schema", "inro-inspect/1"},
                                             {"kind", image::ArtifactKindName(opened.kind)},
                                             {"root_format", opened.root_format},
                                             {"dax_header", opened.dax_header},
                                             {"size", opened.size},
                                             {"files", files}};
    return document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  }

  std::string artifact_;
  std::string path_;
  std::string extract_;
  bool outer_ = false;
  bool cat_ = false;
  bool manifest_ = false;
  std::string format_ = "text";
};

}  // namespace

std::unique_ptr<Verb> MakeInspectVerb() { return std::make_unique<InspectVerb>(); }

}  // namespace inro::cli
