#include "image/build/unit_check.h"

#include <algorithm>
#include <map>

#include "image/build/guest_files.h"
#include "image/build/unit_check_start.h"
#include "image/tree/tree_file_source.h"
#include "unit/loader.h"
#include "unit/transaction.h"

namespace inro::image {
namespace {

constexpr std::string_view kUserUnitFolder = "/etc/systemd/system/";

// The user's own file behind a path in the guest; empty when it is not the user's.
std::string UsersFile(const Definition& definition, std::string_view path) {
  if (!path.starts_with(kUserUnitFolder)) return "";
  const std::string_view name = path.substr(kUserUnitFolder.size());
  for (const std::string& source : definition.services.units) {
    if (source.substr(source.rfind('/') + 1) == name) return source;
  }
  return "";
}

// The unit that a file of the user's is loaded as: of a template, one of its instances.
std::string UnitNameOf(const std::string& source) {
  const std::string name = source.substr(source.rfind('/') + 1);
  return unit::IsTemplate(name) ? unit::Instantiate(name, "instance") : name;
}

// The directive in "not enforced under init = inro: NAME=VALUE".
std::string DirectiveOf(std::string_view message) {
  const std::size_t colon = message.find(": ");
  if (colon != std::string_view::npos) message.remove_prefix(colon + 2);
  return std::string(message.substr(0, message.find('=')));
}

// One line for each file that has findings which are no errors.
std::vector<std::string> NotesOf(const unit::Findings& findings) {
  std::map<std::string, std::vector<std::string>> not_enforced;
  std::vector<std::string> notes;
  for (const unit::Finding& finding : findings) {
    if (finding.kind == unit::FindingKind::kNotEnforced) {
      const std::string name = DirectiveOf(finding.message);
      auto& names = not_enforced[finding.file];
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    } else {
      notes.push_back(unit::ToString(finding));
    }
  }
  for (const auto& [file, names] : not_enforced) {
    notes.push_back(
        fmt::format("{}: not enforced under init = inro: {}", file, fmt::join(names, ", ")));
  }
  return notes;
}

}  // namespace

Result<UnitReport> CheckUnits(const Definition& definition, const Tree& tree) {
  const TreeFileSource files(tree);
  unit::Loader loader(files, {});
  INRO_ASSIGN(const unit::Transaction transaction,
              unit::BuildTransaction(loader, kDefaultTarget, {true, {}}));
  UnitReport report;
  for (const unit::Job& job : transaction.jobs) report.started.push_back(job.unit->name);
  std::sort(report.started.begin(), report.started.end());
  if (!std::binary_search(report.started.begin(), report.started.end(), "kata-agent.service")) {
    return Fail("{} does not start kata-agent.service: its unit needs WantedBy={}", kDefaultTarget,
                kDefaultTarget);
  }
  // The user's own units are checked whether or not the target reaches them.
  for (const std::string& source : definition.services.units) {
    const unit::Unit* loaded = loader.Load(UnitNameOf(source));
    if (loaded != nullptr &&
        (loaded->state == unit::LoadState::kBad || loaded->state == unit::LoadState::kError)) {
      return std::unexpected(Error::InFile(source, 0, loaded->problem));
    }
  }
  // Units that can never start: of the boot, and the user's own.
  std::vector<std::string> never;
  const auto check_start = [&](const unit::Unit& unit) {
    for (std::string& reason : WhyItNeverStarts(unit, tree)) {
      if (std::ranges::find(never, reason) == never.end()) never.push_back(std::move(reason));
    }
  };
  for (const unit::Job& job : transaction.jobs) check_start(*job.unit);
  for (const std::string& source : definition.services.units) {
    const std::string name = UnitNameOf(source);
    const unit::Unit* own = loader.Load(name);
    if (own == nullptr || own->state != unit::LoadState::kLoaded) continue;
    check_start(*own);
    const auto alone = unit::BuildTransaction(loader, name);
    if (!alone) never.push_back(fmt::format("{} cannot start: {}", name, alone.error().ToString()));
  }
  report.findings = loader.TakeFindings();
  for (const unit::Finding& finding : report.findings) {
    const std::string source = UsersFile(definition, finding.file);
    if (!source.empty() && finding.kind != unit::FindingKind::kNotEnforced) {
      return std::unexpected(Error::InFile(source, finding.line, finding.message));
    }
  }
  report.notes = NotesOf(report.findings);
  report.notes.insert(report.notes.end(), never.begin(), never.end());
  report.notes.insert(report.notes.end(), transaction.notes.begin(), transaction.notes.end());
  return report;
}

}  // namespace inro::image
