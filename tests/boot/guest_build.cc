#include "guest_build.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>

#include "base/unique_fd.h"
#include "compare/artifact_machine.h"
#include "image/definition/definition.h"
#include "image/tree/digest.h"
#include "sys/file.h"

namespace inro::boot_test {
namespace {

constexpr char kRoot[] = INRO_BINARY_DIR "/boot-tests";

// Shows what takes long, once a step.
class StepProgress final : public Progress {
 public:
  void Step(std::string_view name) override {
    if (!name.empty()) std::fprintf(stderr, "  build: %.*s\n", int(name.size()), name.data());
  }
  void Update(std::uint64_t, std::uint64_t, std::string_view) override {}
  void Note(std::string_view line) override {
    std::fprintf(stderr, "  note: %.*s\n", int(line.size()), line.data());
  }
};

std::string FileIdentity(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return path + " absent\n";
  return fmt::format("{} {} {}.{}\n", path, status.st_size, status.st_mtim.tv_sec,
                     status.st_mtim.tv_nsec);
}

// What the artifacts come from, as far as it can change between two runs.
std::string Stamp(const GuestSpec& spec, const std::string& text) {
  std::string stamp = FileIdentity("/proc/self/exe") + FileIdentity(INRO_BINARY_DIR "/inro-guest");
  for (const image::Variant& variant : spec.variants) stamp += VariantName(variant) + "\n";
  return image::Sha256Hex(stamp + text);
}

Result<UniqueFd> Lock(const std::string& path) {
  INRO_ASSIGN(UniqueFd lock, sys::Open(path, O_RDWR | O_CREAT | O_CLOEXEC));
  struct flock whole{};
  whole.l_type = F_WRLCK;
  while (::fcntl(lock.get(), F_OFD_SETLKW, &whole) != 0) {
    if (errno != EINTR) return FailErrno("lock {}", path);
  }
  return lock;
}

Result<GuestBuild> ReadBuild(const std::string& folder, const std::string& name) {
  const std::string path = fmt::format("{}/{}.manifest.json", folder, name);
  INRO_ASSIGN(const std::string text, sys::ReadFile(path));
  GuestBuild build;
  build.folder = folder;
  INRO_ASSIGN(build.manifest, image::ParseManifest(text, path));
  return build;
}

}  // namespace

void AddPackage(GuestSpec& spec, const std::string& package) {
  const std::size_t at = spec.text.find("  \"dash\",\n");
  EXPECT_NE(at, std::string::npos) << "images/debian lists no dash to put " << package << " beside";
  if (at != std::string::npos) spec.text.insert(at, "  \"" + package + "\",\n");
}

std::string VariantName(const image::Variant& variant) {
  std::string init = variant.init;
  std::ranges::replace_if(init, [](char c) { return c == '/' || c == '-'; }, '_');
  return fmt::format("{}_{}", image::kForms[static_cast<std::size_t>(variant.form)], init);
}

const std::vector<image::Variant>& AllVariants() {
  static const std::vector<image::Variant> kAll{kImageSystemd, kImageInro, kInitrdSystemd,
                                                kInitrdInro};
  return kAll;
}

GuestSpec DebianSpec() { return {"debian", "", AllVariants()}; }

GuestSpec DebianWith(const std::string& name, const std::string& top, const std::string& sections,
                     std::vector<image::Variant> variants) {
  const std::string debian =
      sys::ReadFile(INRO_SOURCE_DIR "/images/debian/image.toml").value_or("");
  return {name, top + debian + "\n" + sections, std::move(variants)};
}

Result<GuestBuild> BuildOnce(const GuestSpec& spec) {
  const std::string folder = fmt::format("{}/{}", kRoot, spec.name);
  const std::string out = folder + "/out";
  INRO_TRY(sys::MakeDirectories(folder));
  INRO_ASSIGN(const UniqueFd lock, Lock(folder + "/lock"));
  std::string definition_path = fmt::format("{}/images/{}", INRO_SOURCE_DIR, spec.name);
  std::string text = spec.text;
  if (text.empty()) {
    INRO_ASSIGN(text, sys::ReadFile(definition_path + "/image.toml"));
  } else {
    definition_path = folder;
    INRO_TRY(sys::WriteFile(folder + "/image.toml", text));
  }
  const std::string stamp = Stamp(spec, text);
  if (sys::ReadFile(folder + "/stamp").value_or("") == stamp) {
    auto ready = ReadBuild(out, spec.name);
    if (ready) return ready;
  }
  INRO_ASSIGN(const image::Definition definition, image::LoadDefinition(definition_path));
  image::BuildOptions options;
  options.out_dir = out;
  options.guest_dir = INRO_BINARY_DIR;
  options.variants = spec.variants;
  StepProgress progress;
  INRO_ASSIGN(const image::BuildResult built, image::Build(definition, options, progress));
  INRO_TRY(sys::WriteFile(folder + "/stamp", stamp));
  return ReadBuild(out, built.name);
}

bool NoMirror(const Error& error) {
  return error.ToString().find("cannot reach the mirror") != std::string::npos;
}

Result<vmm::MachineConfig> GuestBuild::Machine(const image::Variant& variant) const {
  for (const image::ManifestArtifact& artifact : manifest.artifacts) {
    if (artifact.form != image::kForms[static_cast<std::size_t>(variant.form)]) continue;
    if (artifact.init != variant.init) continue;
    return compare::MachineOf(manifest, folder, artifact, std::nullopt, true);
  }
  return Fail("no artifact for {}", VariantName(variant));
}

Result<std::string> GuestBuild::Path(const image::Variant& variant) const {
  for (const image::ManifestArtifact& artifact : manifest.artifacts) {
    if (artifact.form != image::kForms[static_cast<std::size_t>(variant.form)]) continue;
    if (artifact.init == variant.init) return folder + "/" + artifact.path;
  }
  return Fail("no artifact for {}", VariantName(variant));
}

}  // namespace inro::boot_test
