// Verbs that change unit files' links: enable, disable, mask, preset and their kin.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "guest/systemctl/context.h"
#include "sys/file.h"
#include "unit/install.h"

namespace inro::guest::systemctl {
namespace {

using protocol::InitJob;
using Names = std::vector<std::string>;

Result<> Apply(const Context& context, const unit::InstallPlan& plan) {
  for (const std::string& note : plan.notes) Complain("{}", note);
  for (const unit::LinkChange& change : plan.links) {
    if (change.target.empty()) {
      if (::unlink(change.path.c_str()) != 0 && errno != ENOENT) {
        return FailErrno("remove {}", change.path);
      }
      if (!context.options.quiet) Complain("Removed \"{}\".", change.path);
      continue;
    }
    const std::string folder = change.path.substr(0, change.path.rfind('/'));
    INRO_TRY(sys::MakeDirectories(folder));
    // Beside it and in its place: there is no moment without a link.
    const std::string temporary = change.path + ".new";
    ::unlink(temporary.c_str());
    if (::symlink(change.target.c_str(), temporary.c_str()) != 0 ||
        ::rename(temporary.c_str(), change.path.c_str()) != 0) {
      return FailErrno("make the link {}", change.path);
    }
    if (!context.options.quiet) {
      Complain("Created symlink {} \u2192 {}.", change.path, change.target);
    }
  }
  return {};
}

unit::InstallOptions OptionsOf(const Context& context) {
  unit::InstallOptions options;
  options.search_path = context.search_path;
  const auto wanted = [&](std::string_view begin) {
    const auto found = std::ranges::find_if(context.search_path, [&](const std::string& folder) {
      return folder.starts_with(begin) && folder.ends_with("/systemd/system");
    });
    return found == context.search_path.end() ? context.search_path.front() : *found;
  };
  options.folder = context.options.runtime ? wanted("/run") : wanted("/etc");
  return options;
}

Result<unit::InstallPlan> PlanPreset(const Context& context, const Names& names,
                                     const unit::InstallOptions& options) {
  const auto presets = unit::Presets::Read(context.files);
  Names enable;
  Names disable;
  for (const std::string& name : names) {
    const auto choice = presets.For(name);
    if (choice.action == unit::Presets::Action::kDisable) disable.push_back(name);
    if (choice.action != unit::Presets::Action::kEnable) continue;
    if (choice.instances.empty()) enable.push_back(name);
    for (const std::string& instance : choice.instances) {
      enable.push_back(unit::Instantiate(name, instance));
    }
  }
  unit::InstallPlan plan;
  if (!disable.empty()) {
    INRO_ASSIGN(plan, unit::PlanDisable(context.files, disable, options));
  }
  if (!enable.empty()) {
    INRO_ASSIGN(unit::InstallPlan more, unit::PlanEnable(context.files, enable, options));
    for (auto& link : more.links) plan.links.push_back(std::move(link));
    for (auto& note : more.notes) plan.notes.push_back(std::move(note));
  }
  plan.has_install_section = true;
  return plan;
}

Result<unit::InstallPlan> Plan(Context& context, const std::string& verb, const Names& names) {
  const unit::InstallOptions options = OptionsOf(context);
  if (verb == "enable") return unit::PlanEnable(context.files, names, options);
  if (verb == "disable") return unit::PlanDisable(context.files, names, options);
  if (verb == "mask") return unit::PlanMask(context.files, names, options);
  if (verb == "unmask") return unit::PlanUnmask(context.files, names, options);
  if (verb == "preset") return PlanPreset(context, names, options);
  if (verb == "reenable") {
    INRO_ASSIGN(const unit::InstallPlan off, unit::PlanDisable(context.files, names, options));
    INRO_TRY(Apply(context, off));
    return unit::PlanEnable(context.files, names, options);
  }
  if (verb == "set-default") {
    unit::InstallPlan plan;
    if (unit::KindOf(names.front()) != unit::UnitKind::kTarget) {
      return FailAs(ErrorKind::kBadInput, "{} is not a target", names.front());
    }
    const auto paths = context.loader().FragmentPaths(names.front());
    const std::string file =
        paths.empty() ? "/usr/lib/systemd/system/" + names.front() : paths.front();
    plan.links.push_back({options.folder + "/default.target", file});
    plan.has_install_section = true;
    return plan;
  }
  return Fail("{}: unknown verb", verb);
}

}  // namespace

int RunInstall(Context& context) {
  const std::string verb = context.words[0];
  const Names names = context.Names(1, true);
  if (names.empty()) {
    Complain("Too few arguments.");
    return kFailure;
  }
  const auto plan = Plan(context, verb, names);
  if (!plan) {
    Complain("Failed to {} unit: {}", verb, plan.error().ToString());
    return kFailure;
  }
  if (const auto done = Apply(context, *plan); !done) {
    Complain("Failed to {} unit: {}", verb, done.error().ToString());
    return kFailure;
  }
  const bool needs_section = verb == "enable" || verb == "disable" || verb == "reenable";
  if (needs_section && !plan->has_install_section && !context.options.quiet) {
    Complain(
        "The unit files have no installation config (WantedBy=, RequiredBy=, UpheldBy=, Also= or "
        "Alias= in the [Install] section): they are not meant to be enabled or disabled.");
  }
  // Without PID 1 (in a tree that is being made) the links are all there is to do.
  if (!context.options.no_reload) {
    static_cast<void>(context.Ask(RequestFor(protocol::InitVerb::kReload, "")).has_value());
  }
  if (!context.options.now) return kSuccess;
  if (verb == "enable" || verb == "reenable") {
    return SubmitJobs(context, InitJob::kStart, names);
  }
  if (verb == "disable" || verb == "mask") return SubmitJobs(context, InitJob::kStop, names);
  return kSuccess;
}

int RunIsEnabled(Context& context) {
  constexpr std::string_view kYes[] = {"enabled",  "enabled-runtime", "static",   "alias",
                                       "indirect", "generated",       "transient"};
  bool any = false;
  for (const std::string& name : context.Names(1, true)) {
    const std::string state(unit::UnitFileState(context.files, name, context.search_path));
    if (state == "not-found") {
      Complain("Failed to get unit file state for {}: No such file or directory", name);
      continue;
    }
    if (!context.options.quiet) Print(state + "\n");
    any = any || std::ranges::find(kYes, state) != std::end(kYes);
  }
  return any ? kSuccess : kFailure;
}

int RunGetDefault(Context& context) {
  Print(context.loader().ResolveAlias("default.target") + "\n");
  return kSuccess;
}

}  // namespace inro::guest::systemctl
