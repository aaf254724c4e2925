#include "boot_target.h"

#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "artifact_choice.h"
#include "compare/artifact_machine.h"
#include "image/build/build.h"
#include "image/build/guest_binaries.h"
#include "image/definition/definition.h"
#include "image/source/apt.h"
#include "image/tree/digest.h"
#include "sys/file.h"
#include "vmm/kata/kata_boot.h"

namespace inro::cli {
namespace {

bool IsFolder(const std::string& path) {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

Result<BootTarget> FromArtifact(const std::string& path, const TargetOptions& options) {
  INRO_ASSIGN(const ChosenArtifact chosen, ChooseArtifact(path, options.form, options.init));
  BootTarget target;
  INRO_ASSIGN(target.machine, compare::MachineOf(chosen.manifest, chosen.folder, chosen.artifact,
                                                 options.attach, options.verbose));
  target.artifact = chosen.path();
  target.form = chosen.artifact.form;
  target.init = chosen.artifact.init;
  return target;
}

Result<BootTarget> FromKata(const TargetOptions& options) {
  INRO_ASSIGN(const vmm::KataConfig config, vmm::ReadKataConfig(options.path));
  BootTarget target;
  INRO_ASSIGN(target.machine, vmm::KataMachine(config, std::thread::hardware_concurrency()));
  target.form = config.initrd.empty() ? "image" : "initrd";
  target.artifact = config.initrd.empty() ? config.image : config.initrd;
  if (options.attach && target.machine.image) target.machine.image->attach = *options.attach;
  return target;
}

Result<BootTarget> FromDefinition(const TargetOptions& options, Session& session) {
  INRO_ASSIGN(const image::Definition definition, image::LoadDefinition(options.path));
  image::BuildOptions build;
  build.cache_dir = options.cache_dir.empty() ? image::DefaultCacheDir() : options.cache_dir;
  // One folder a definition: two of the same name do not meet.
  build.out_dir = fmt::format("{}/boot/{}-{}", build.cache_dir, definition.name,
                              image::Sha256Hex(definition.folder).substr(0, 12));
  build.interrupt = session.interrupt;
  INRO_ASSIGN(build.guest_dir, image::FindGuestDir(session.program));
  const image::Form form = options.form == "image" ? image::Form::kImage : image::Form::kInitrd;
  build.variants = {{form, options.init.empty() ? definition.InitOf(form) : options.init}};
  INRO_ASSIGN(const image::BuildResult built, image::Build(definition, build, session.progress));
  return FromArtifact(built.artifacts.front().path, options);
}

}  // namespace

Result<BootTarget> FindTarget(const TargetOptions& options, Session& session) {
  if (IsFolder(options.path)) return FromDefinition(options, session);
  if (!sys::Exists(options.path)) {
    return std::unexpected(Error::InFile(
        options.path, 0,
        "no such file: name a definition, an artifact, a manifest or a configuration.toml"));
  }
  if (!options.path.ends_with(".toml")) return FromArtifact(options.path, options);
  constexpr std::size_t kLargest = 1 << 20;
  INRO_ASSIGN(const std::string text, sys::ReadFile(options.path, kLargest));
  if (vmm::LooksLikeKataConfig(text)) return FromKata(options);
  return FromDefinition(options, session);
}

}  // namespace inro::cli
