#include "image/build/unit_check_files.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "image/source/deb.h"
#include "sys/file.h"
#include "unit/implicit_dependencies.h"
#include "unit/unit_syntax.h"

namespace inro::image {
namespace {

namespace fs = std::filesystem;

// The unit that a file of that path says something about; empty: it is no unit file.
std::string UnitOf(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  if (unit::KindOf(name)) return std::string(name);
  if (!name.ends_with(".conf")) return "";
  std::string_view folder = path.substr(0, path.size() - name.size());
  while (folder.ends_with('/')) folder.remove_suffix(1);
  folder = folder.substr(folder.rfind('/') + 1);
  if (!folder.ends_with(".d")) return "";
  folder.remove_suffix(2);
  if (unit::KindOf(folder)) return std::string(folder);
  const std::string of_type = "every." + std::string(folder);  // service.d
  return unit::KindOf(of_type) ? of_type : "";
}

bool IsUsers(std::string_view path) {
  return path.find("/systemd/user/") != std::string_view::npos ||
         path.find("/systemd/user-") != std::string_view::npos;
}

void MakeSettings(unit::Unit& unit) {
  using unit::UnitKind;
  switch (unit.kind) {
    case UnitKind::kService:
      unit.service = std::make_unique<unit::ServiceSettings>();
      break;
    case UnitKind::kMount:
      unit.mount = std::make_unique<unit::MountSettings>();
      break;
    case UnitKind::kSocket:
      unit.socket = std::make_unique<unit::SocketSettings>();
      break;
    case UnitKind::kTimer:
      unit.timer = std::make_unique<unit::TimerSettings>();
      break;
    case UnitKind::kSlice:
      unit.slice = std::make_unique<unit::ResourceSettings>();
      break;
    default:
      break;
  }
}

Result<> CheckDeb(const std::string& path, std::vector<CheckedUnitFile>& out) {
  INRO_ASSIGN(const std::string bytes, sys::ReadFile(path));
  INRO_ASSIGN(const Deb deb, ReadDeb(bytes, path));
  for (const ArchiveEntry& entry : deb.entries) {
    if (entry.node.type != NodeType::kFile || !entry.hard_link.empty()) continue;
    const std::string inner = "/" + entry.path;
    if (inner.find("/systemd/system/") == std::string::npos || UnitOf(inner).empty()) continue;
    if (entry.node.content.size() == 0) continue;
    out.push_back(CheckUnitText(path + ":" + inner, entry.node.content.view()));
  }
  return {};
}

Result<> CheckFile(const std::string& path, std::vector<CheckedUnitFile>& out) {
  INRO_ASSIGN(const std::string text, sys::ReadFile(path));
  if (!text.empty()) out.push_back(CheckUnitText(path, text));
  return {};
}

Result<> CheckFolder(const std::string& path, std::vector<CheckedUnitFile>& out) {
  std::vector<std::string> found;
  std::error_code error;
  for (fs::recursive_directory_iterator at(path, error), end; !error && at != end;
       at.increment(error)) {
    const std::string file = at->path().string();
    if (at->is_regular_file(error) && !at->is_symlink(error) && !UnitOf(file).empty() &&
        !IsUsers(file)) {
      found.push_back(file);
    }
  }
  if (error) return Fail("{}: {}", path, error.message());
  std::sort(found.begin(), found.end());
  for (const std::string& file : found) INRO_TRY(CheckFile(file, out));
  return {};
}

}  // namespace

std::string_view ToString(unit::Verdict verdict) {
  switch (verdict) {
    case unit::Verdict::kEnforced:
      return "enforced";
    case unit::Verdict::kHarmless:
      return "harmless";
    case unit::Verdict::kNotEnforced:
      return "not enforced";
    case unit::Verdict::kUnknown:
      return "unknown";
    case unit::Verdict::kWrong:
      return "wrong";
  }
  return "";
}

CheckedUnitFile CheckUnitText(const std::string& path, std::string_view text) {
  CheckedUnitFile checked{path, UnitOf(path), "", {}, {}};
  unit::Findings findings;
  const auto rows = unit::ParseUnitSyntax(text, path, findings);
  for (const unit::Finding& finding : findings) checked.warnings.push_back(ToString(finding));
  if (!rows) {
    checked.problem = rows.error().ToString();
    return checked;
  }
  unit::Unit unit;
  // A template is checked as one of its instances.
  unit.name =
      unit::IsTemplate(checked.unit) ? unit::Instantiate(checked.unit, "instance") : checked.unit;
  unit.kind = *unit::KindOf(unit.name);
  unit.files = {path};
  MakeSettings(unit);
  for (const unit::Assignment& row : *rows) {
    findings.clear();
    DirectiveUse use{row.line, row.section, row.name, row.value, {}, {}};
    use.verdict =
        unit::ApplyAssignment(unit, {}, row.section, row.name, row.value, path, row.line, findings);
    if (use.verdict == unit::Verdict::kWrong && !findings.empty()) {
      use.message = findings.front().message;
    }
    checked.uses.push_back(std::move(use));
  }
  const bool drop_in = path.ends_with(".conf");
  if (!drop_in) checked.problem = unit::WhatIsMissing(unit);
  return checked;
}

Result<std::vector<CheckedUnitFile>> CheckUnitFiles(const std::vector<std::string>& arguments) {
  std::vector<CheckedUnitFile> out;
  for (const std::string& argument : arguments) {
    std::error_code error;
    const fs::file_status status = fs::status(argument, error);
    Result<> done;
    if (!fs::exists(status)) {
      return std::unexpected(Error::InFile(argument, 0, "no such file or folder"));
    }
    if (fs::is_directory(status)) {
      done = CheckFolder(argument, out);
    } else if (argument.ends_with(".deb")) {
      done = CheckDeb(argument, out);
    } else if (UnitOf(fs::absolute(argument).string()).empty()) {
      return std::unexpected(Error::InFile(
          argument, 0,
          "not a unit file (NAME.service, ...), a drop-in of one, a folder or a .deb"));
    } else {
      done = CheckFile(argument, out);
    }
    if (!done) return FailAs(ErrorKind::kBadInput, "{}", done.error().ToString());
  }
  return out;
}

}  // namespace inro::image
