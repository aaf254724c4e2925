#include "image/build/guest_tree.h"

#include <algorithm>

#include "image/build/boot_files.h"
#include "image/build/guest_files.h"
#include "image/build/package_origin.h"
#include "image/build/user_files.h"
#include "image/finish/units.h"
#include "image/tree/tree_file_source.h"

namespace inro::image {
namespace {

// Targets that a unit of a distribution is wanted by and that a guest does not start: what they
// want, once it is enabled, kata-containers.target wants here.
constexpr std::string_view kUsualTargets[] = {"multi-user.target", "default.target",
                                              "graphical.target"};

// Units of package systemd that speak to systemd itself, or are of a kind that no other init runs.
// They are left out under another init: each would fail, or wait for an answer.
constexpr std::string_view kOnlyWithSystemd[] = {
    "systemd-ask-password-console.path", "systemd-ask-password-wall.path", "systemd-initctl.socket",
    "systemd-update-utmp.service", "systemd-update-utmp-runlevel.service"};

FinishOptions FinishOptionsFor(const Definition& definition, std::string_view init,
                               const PackageOrigin& origin, const Tree& tree) {
  FinishOptions options;
  options.scripts_ran = origin.ScriptsRan();
  options.hostname = definition.hostname;
  for (const UserSettings& user : definition.users) {
    GuestUser guest;
    guest.name = user.name;
    guest.uid = user.uid;
    guest.gid = user.uid;
    guest.home = user.home;
    guest.shell = user.shell;
    guest.system = !user.uid || *user.uid < 1000;
    guest.groups = user.groups;
    options.users.push_back(std::move(guest));
  }
  options.enabled_units = definition.services.enable;
  for (std::string& name : UserUnitNames(definition)) options.enabled_units.push_back(name);
  for (std::string& name : GuestUnitsToEnable(definition)) options.enabled_units.push_back(name);
  options.masked_units = definition.services.mask;
  // systemd mounts this on demand; without its module a guest can only fail to.
  const auto& modules = definition.kernel.modules;
  if (std::ranges::find(modules, "binfmt_misc") == modules.end()) {
    options.masked_units.push_back("proc-sys-fs-binfmt_misc.automount");
  }
  if (init != "systemd") {
    for (const std::string_view unit : kOnlyWithSystemd) {
      if (!FindUnitFile(tree, std::string(unit)).empty()) options.masked_units.emplace_back(unit);
    }
  }
  options.default_target = kDefaultTarget;
  options.init_program = "/" + std::string(kGuestBinary);
  options.prune = definition.prune;
  return options;
}

// Adds file and line of the definition to an error of the finishing rules.
std::unexpected<Error> Located(const Definition& definition, const Error& error) {
  if (error.kind() != ErrorKind::kBadInput || !error.file().empty()) return std::unexpected(error);
  const std::string text = error.ToString();
  for (const auto& [key, list] : {std::pair("services.enable", &definition.services.enable),
                                  std::pair("services.mask", &definition.services.mask)}) {
    for (const std::string& name : *list) {
      if (text.contains(name)) {
        return std::unexpected(
            Error::InFile(definition.file, definition.LineOfElement(key, *list, name), text));
      }
    }
  }
  for (const UserSettings& user : definition.users) {
    if (text.contains(user.name)) {
      return std::unexpected(Error::InFile(definition.file, user.line, text));
    }
  }
  return std::unexpected(Error::InFile(definition.file, 0, text));
}

// What the usual targets want of the enabled units, kata-containers.target wants too.
Result<> LinkToGuestTarget(const std::vector<std::string>& enabled, Tree& tree) {
  for (const std::string& name : enabled) {
    INRO_ASSIGN(const unit::InstallPlan plan,
                unit::PlanEnable(TreeFileSource(tree), {name}, TreeInstallOptions()));
    for (const unit::LinkChange& link : plan.wanted) {
      for (const std::string_view target : kUsualTargets) {
        const std::string folder = fmt::format("/etc/systemd/system/{}.wants/", target);
        if (!link.path.starts_with(folder)) continue;
        INRO_TRY(tree.Put(fmt::format("etc/systemd/system/{}.wants/{}", kDefaultTarget,
                                      std::string_view(link.path).substr(folder.size())),
                          MakeSymlink(link.target, "inro")));
      }
    }
  }
  return {};
}

Result<> CheckGuestUnits(const TreeInputs& inputs, GuestTree& guest,
                         std::vector<std::string>& notes) {
  // systemd enforces what it reads; only what init = inro makes of the units is to be told.
  if (guest.init != "inro") return {};
  INRO_ASSIGN(guest.units, CheckUnits(inputs.definition, guest.tree));
  if (inputs.strict && !guest.units.notes.empty()) {
    return Fail("--strict: {}", fmt::join(guest.units.notes, "; "));
  }
  notes.insert(notes.end(), guest.units.notes.begin(), guest.units.notes.end());
  return {};
}

}  // namespace

Result<GuestTree> MakeGuestTree(const TreeInputs& inputs, const std::string& init,
                                std::vector<std::string>& notes, Progress& progress) {
  const Definition& definition = inputs.definition;
  INRO_ASSIGN(SourceTree source, inputs.packages.SourceFor(init, progress));

  progress.Step(fmt::format("finish the tree for init = {}", init));
  INRO_TRY(source.tree.Merge(inputs.kernel_modules));
  INRO_TRY(AddGuestFiles(definition, init, inputs.guest_binary, source.tree));
  INRO_TRY(AddUserUnits(definition, source.tree));
  // Twice: rules may read the files (configuration), and only afterwards do their owners exist.
  INRO_TRY(AddUserFiles(definition, Owners::kRoot, source.tree));
  const FinishOptions options = FinishOptionsFor(definition, init, inputs.packages, source.tree);
  auto finished = Finish(source, options);
  if (!finished) return Located(definition, finished.error());
  INRO_TRY(AddUserFiles(definition, Owners::kByName, source.tree));
  INRO_TRY(AddConsoleNodes(source.tree));
  INRO_TRY(LinkToGuestTarget(options.enabled_units, source.tree));

  GuestTree guest;
  guest.init = init;
  guest.tree = std::move(source.tree);
  guest.packages = std::move(source.packages);
  guest.finish = std::move(*finished);
  const std::vector<std::string> not_run = guest.finish.NotRunLines();
  if (inputs.strict && !not_run.empty()) return Fail("--strict: {}", fmt::join(not_run, "; "));
  notes.insert(notes.end(), not_run.begin(), not_run.end());
  notes.insert(notes.end(), guest.finish.notes.begin(), guest.finish.notes.end());
  INRO_TRY(CheckGuestUnits(inputs, guest, notes));
  guest.digest = guest.tree.Digest();
  return guest;
}

}  // namespace inro::image
