#include "image/finish/units.h"

#include "image/tree/tree_file_source.h"
#include "unit/unit_name.h"

namespace inro::image {
namespace {

Result<> PutLink(RuleContext& context, const unit::LinkChange& link) {
  return context.Put(std::string_view(link.path).substr(1), MakeSymlink(link.target));
}

// One plan a unit: a later one may be about links that an earlier one makes.
Result<> Enable(RuleContext& context, const std::string& name) {
  const TreeFileSource files(context.tree());
  const auto plan = unit::PlanEnable(files, {name}, TreeInstallOptions());
  if (!plan && plan.error().kind() == ErrorKind::kNotFound) {
    return FailAs(ErrorKind::kBadInput,
                  "enable {}: no such unit in the tree; name the package that has it, or leave it "
                  "out of the services to enable",
                  name);
  }
  if (!plan) return std::unexpected(plan.error().Wrap(fmt::format("enable {}", name)));
  if (!plan->has_install_section) {
    context.Note(fmt::format("unit {} has no [Install] section: nothing to enable", name));
    return {};
  }
  if (plan->wanted.empty() && unit::IsTemplate(name)) {
    return FailAs(ErrorKind::kBadInput,
                  "enable {}: a template without DefaultInstance=; name an instance", name);
  }
  for (const std::string& note : plan->notes)
    context.Note(fmt::format("enable {}: {}", name, note));
  for (const unit::LinkChange& link : plan->links) {
    INRO_TRY(PutLink(context, link));
  }
  return {};
}

}  // namespace

unit::InstallOptions TreeInstallOptions() {
  unit::InstallOptions options;
  options.search_path.emplace_back("/lib/systemd/system");  // of a tree whose /usr is not merged
  return options;
}

std::string FindUnitFile(const Tree& tree, const std::string& unit) {
  return unit::UnitFilePath(TreeFileSource(tree), unit, TreeInstallOptions().search_path);
}

Result<> ApplyUnitEnablement(RuleContext& context) {
  for (const std::string& name : context.options().enabled_units) {
    INRO_TRY(Enable(context, name));
  }
  return {};
}

Result<> ApplyUnitMasks(RuleContext& context) {
  for (const std::string& name : context.options().masked_units) {
    const TreeFileSource files(context.tree());
    INRO_ASSIGN(const unit::InstallPlan plan, unit::PlanMask(files, {name}, TreeInstallOptions()));
    for (const unit::LinkChange& link : plan.links) {
      INRO_TRY(PutLink(context, link));
    }
  }
  return {};
}

Result<> ApplyDefaultTarget(RuleContext& context) {
  const std::string& target = context.options().default_target;
  if (target.empty()) return {};
  const std::string path = FindUnitFile(context.tree(), target);
  if (path.empty()) {
    return FailAs(ErrorKind::kBadInput, "default target {}: no such unit in the tree", target);
  }
  return context.Put("etc/systemd/system/default.target", MakeSymlink(path));
}

Result<> ApplyInitLink(RuleContext& context) {
  const std::string& program = context.options().init_program;
  if (program.empty()) return {};
  if (!context.tree().Resolve(program)) {
    return FailAs(ErrorKind::kBadInput, "init {}: no such program in the tree", program);
  }
  return context.Put("usr/sbin/init",
                     MakeSymlink(program.starts_with('/') ? program : "/" + program));
}

}  // namespace inro::image
