#include "image/build/kernel_choice.h"

#include <algorithm>

#include "image/build/package_origin.h"
#include "image/kernel/module_sets.h"
#include "image/source/directory.h"
#include "sys/file.h"

namespace inro::image {
namespace {

// Loaded at boot besides the early ones: without udev nobody else loads drivers of devices.
constexpr std::string_view kLateModules[] = {"virtio_blk", "virtio_net", "virtiofs"};

struct AttachRow {
  std::string_view name;
  std::string_view option;  // of the kernel's configuration
  std::string_view module;
  std::string_view root;
};
constexpr AttachRow kAttach[] = {
    {"nvme", "BLK_DEV_NVME", "nvme", "/dev/nvme0n1p1"},
    {"nvdimm", "BLK_DEV_PMEM", "nd_pmem", "/dev/pmem0p1"},
    {"virtio-blk", "VIRTIO_BLK", "virtio_blk", "/dev/vda1"},
};

std::vector<std::string> Wanted(const Definition& definition) {
  std::vector<std::string> sets;
  for (const ModuleSet& set : ModuleSets()) sets.emplace_back(set.name);
  std::vector<std::string> wanted = ModulesOf(sets);
  wanted.insert(wanted.end(), definition.kernel.modules.begin(), definition.kernel.modules.end());
  return wanted;
}

std::vector<std::string> EarlyNames() {
  std::vector<std::string> sets;
  for (const ModuleSet& set : ModuleSets()) {
    if (set.early) sets.emplace_back(set.name);
  }
  return ModulesOf(sets);
}

Result<Kernel> OwnKernel(const Definition& definition, const std::vector<std::string>& wanted) {
  const KernelSettings& settings = definition.kernel;
  auto inspected = InspectKernelFile(settings.file);
  if (!inspected) return definition.ErrorAt("kernel.file", inspected.error().ToString());
  KernelConfig config = inspected->config;
  if (!settings.config.empty()) {
    INRO_ASSIGN(const std::string text, sys::ReadFile(settings.config));
    config = KernelConfig::Parse(text);
  }
  Tree modules;
  if (!settings.modules_folder.empty()) {
    SilentProgress silent;
    INRO_ASSIGN(const SourceTree folder, ImportDirectory(settings.modules_folder, silent));
    const std::string& path = settings.modules_folder;
    const std::string release = path.substr(path.find_last_not_of('/') == std::string::npos
                                                ? 0
                                                : path.rfind('/', path.find_last_not_of('/')) + 1);
    for (const auto& [name, node] : folder.tree.nodes()) {
      // "build" and "source" of a modules folder lead to the kernel's sources.
      if (name == "build" || name == "source") continue;
      Node copy = node;
      copy.uid = copy.gid = 0;
      INRO_TRY(
          modules.Put(fmt::format("usr/lib/modules/{}{}{}", release, name.empty() ? "" : "/", name),
                      std::move(copy)));
    }
  }
  return SelectModules(std::move(inspected->file), std::move(config), modules, wanted,
                       settings.builtin);
}

std::vector<std::string> AttachWays(const Definition& definition, const KernelConfig& config) {
  const std::vector<std::string>& builtin = definition.kernel.builtin;
  std::vector<std::string> ways;
  for (const AttachRow& row : kAttach) {
    const bool named = std::ranges::find(builtin, row.module) != builtin.end();
    if (named || config.Feature(row.option) == KernelFeature::kBuiltIn) ways.emplace_back(row.name);
  }
  // Of a kernel that tells nothing, every way may work.
  if (ways.empty() && !config.known() && builtin.empty()) {
    for (const AttachRow& row : kAttach) ways.emplace_back(row.name);
  }
  return ways;
}

}  // namespace

std::string_view RootDevice(std::string_view attach) {
  for (const AttachRow& row : kAttach) {
    if (row.name == attach) return row.root;
  }
  return "";
}

Result<ChosenKernel> ChooseKernel(const Definition& definition, PackageOrigin& packages,
                                  std::vector<std::string>& notes, Progress& progress) {
  const std::vector<std::string> wanted = Wanted(definition);
  ChosenKernel chosen;
  if (definition.kernel.file.empty()) {
    INRO_ASSIGN(const SourceTree package, packages.KernelPackage(progress));
    progress.Step("select kernel modules");
    INRO_ASSIGN(chosen.kernel, SelectKernel(package.tree, wanted));
  } else {
    progress.Step("select kernel modules");
    INRO_ASSIGN(chosen.kernel, OwnKernel(definition, wanted));
  }
  const Kernel& kernel = chosen.kernel;
  for (const std::string& name : definition.kernel.modules) {
    std::string shown = name;
    std::replace(shown.begin(), shown.end(), '-', '_');
    for (const std::string& missing : kernel.missing) {
      if (missing == name || missing == shown) {
        return std::unexpected(Error::InFile(
            definition.file,
            definition.LineOfElement("kernel.modules", definition.kernel.modules, name),
            fmt::format("kernel.modules: {} has no module '{}': remove it, or use another kernel",
                        kernel.file.release, name)));
      }
    }
  }
  if (!definition.kernel.file.empty() && !kernel.config.known() &&
      definition.kernel.builtin.empty() && kernel.load_order.empty()) {
    notes.push_back(
        "nothing tells what kernel.file has built in: set kernel.config, kernel.builtin or "
        "kernel.modules_folder");
  }
  chosen.tree = kernel.modules;
  INRO_TRY(chosen.tree.Put(kEarlyModulesFile,
                           MakeFile(EarlyModulesText(kernel, EarlyNames()), 0644, "inro")));
  std::vector<std::string> late(std::begin(kLateModules), std::end(kLateModules));
  late.insert(late.end(), definition.kernel.modules.begin(), definition.kernel.modules.end());
  INRO_TRY(
      chosen.tree.Put(kLateModulesFile, MakeFile(LateModulesText(kernel, late), 0644, "inro")));
  chosen.attach = AttachWays(definition, kernel.config);
  return chosen;
}

}  // namespace inro::image
