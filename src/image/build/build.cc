#include "image/build/build.h"

#include <algorithm>

#include "image/build/artifacts.h"
#include "image/build/extension_artifact.h"
#include "image/build/guest_tree.h"
#include "image/build/kernel_choice.h"
#include "image/build/package_origin.h"
#include "image/tree/digest.h"
#include "sys/file.h"

namespace inro::image {
namespace {

// One tree an init, in the order of the variants.
Result<std::vector<GuestTree>> MakeTrees(const TreeInputs& inputs,
                                         const std::vector<Variant>& variants,
                                         std::vector<std::string>& notes, Progress& progress) {
  std::vector<GuestTree> trees;
  for (const Variant& variant : variants) {
    if (std::ranges::find(trees, variant.init, &GuestTree::init) != trees.end()) continue;
    INRO_ASSIGN(GuestTree tree, MakeGuestTree(inputs, variant.init, notes, progress));
    trees.push_back(std::move(tree));
  }
  return trees;
}

ManifestTree Describe(const GuestTree& guest) {
  ManifestTree tree;
  tree.init = guest.init;
  tree.digest = guest.digest;
  for (const Package& package : guest.packages) {
    tree.packages.push_back({package.name, package.version, package.architecture, package.sha256});
  }
  tree.files = ManifestFiles(guest.tree);
  tree.scripts_not_run = guest.finish.NotRunLines();
  for (const unit::Finding& finding : guest.units.findings) {
    if (finding.kind == unit::FindingKind::kNotEnforced) {
      tree.directives_not_enforced.push_back(unit::ToString(finding));
    }
  }
  return tree;
}

ManifestArtifact KernelArtifact(const std::string& name, const std::string& bytes) {
  ManifestArtifact artifact;
  artifact.form = "kernel";
  artifact.path = name;
  artifact.format = "bzImage";
  artifact.size = bytes.size();
  artifact.sha256 = Sha256Hex(bytes);
  return artifact;
}

// The same note of two trees is told once.
void TellNotes(std::vector<std::string>& notes, Progress& progress) {
  std::vector<std::string> told;
  for (std::string& note : notes) {
    if (std::ranges::find(told, note) != told.end()) continue;
    progress.Note(note);
    told.push_back(std::move(note));
  }
  notes = std::move(told);
}

}  // namespace

std::vector<Variant> DefinedVariants(const Definition& definition) {
  return {{Form::kImage, definition.image.init}, {Form::kInitrd, definition.initrd.init}};
}

std::string ArtifactName(const Definition& definition, const Variant& variant) {
  const std::string_view suffix = variant.form == Form::kImage ? "img" : "initrd";
  if (variant.init == definition.InitOf(variant.form)) {
    return fmt::format("{}.{}", definition.name, suffix);
  }
  const std::string init = variant.init.substr(variant.init.rfind('/') + 1);
  return fmt::format("{}-{}.{}", definition.name, init, suffix);
}

Result<BuildResult> Build(const Definition& definition, const BuildOptions& given,
                          Progress& progress) {
  BuildOptions options = given;
  if (options.cache_dir.empty()) options.cache_dir = DefaultCacheDir();
  if (options.variants.empty()) options.variants = DefinedVariants(definition);
  BuildResult result;
  result.name = definition.name;

  // What the guests carry.
  INRO_ASSIGN(const std::string guest_binary, sys::ReadFile(options.guest_dir + "/inro-guest"));
  PackageOrigin packages(definition, options);
  INRO_ASSIGN(const ChosenKernel kernel,
              ChooseKernel(definition, packages, result.notes, progress));
  const TreeInputs tree_inputs{definition, packages, guest_binary, kernel.tree, options.strict};
  INRO_ASSIGN(const std::vector<GuestTree> trees,
              MakeTrees(tree_inputs, options.variants, result.notes, progress));

  // What is written.
  INRO_ASSIGN(Staging staging, Staging::Create(options.out_dir, options.interrupt));
  const BodyCache bodies(options.cache_dir + "/bodies");
  const ArtifactInputs inputs{definition, kernel, bodies, staging};
  Manifest manifest;
  manifest.name = definition.name;
  manifest.inro_version = INRO_VERSION;
  manifest.source = packages.Describe();
  manifest.kernel_release = kernel.kernel.file.release;
  for (const Variant& variant : options.variants) {
    const GuestTree& guest = *std::ranges::find(trees, variant.init, &GuestTree::init);
    const std::string name = ArtifactName(definition, variant);
    INRO_ASSIGN(ManifestArtifact artifact, variant.form == Form::kImage
                                               ? MakeImage(inputs, guest, name, progress)
                                               : MakeInitrd(inputs, guest, name, progress));
    result.artifacts.push_back({variant.form, variant.init, options.out_dir + "/" + name,
                                artifact.size, artifact.sha256, guest.digest});
    manifest.artifacts.push_back(std::move(artifact));
  }
  INRO_ASSIGN(result.extensions,
              MakeExtensions(definition, options.out_dir, staging, manifest, progress));
  progress.Step("write kernel and manifest");
  const std::string kernel_name = definition.name + ".kernel";
  INRO_TRY(staging.Write(kernel_name, kernel.kernel.file.bytes));
  manifest.artifacts.push_back(KernelArtifact(kernel_name, kernel.kernel.file.bytes));
  for (const GuestTree& guest : trees) manifest.trees.push_back(Describe(guest));
  const std::string manifest_name = definition.name + ".manifest.json";
  INRO_TRY(staging.Write(manifest_name, WriteManifest(manifest)));
  INRO_TRY(staging.Publish());
  TellNotes(result.notes, progress);
  result.kernel = options.out_dir + "/" + kernel_name;
  result.manifest = options.out_dir + "/" + manifest_name;
  return result;
}

}  // namespace inro::image
