#include "unit/loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "unit/directive.h"
#include "unit/standard_units.h"
#include "unit/unit_syntax.h"

namespace inro::unit {
namespace {

constexpr int kMaxAliasDepth = 8;
constexpr std::size_t kMaxFindings = 4096;

std::string_view BaseName(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// The folders NAME.d whose drop-ins apply, the most general first.
std::vector<std::string> DropInFolders(std::string_view name) {
  std::vector<std::string> folders;
  const NameParts parts = SplitName(name);
  folders.push_back(std::string(parts.suffix.substr(1)) + ".d");  // service.d
  for (std::size_t dash = parts.prefix.find('-'); dash != std::string_view::npos;
       dash = parts.prefix.find('-', dash + 1)) {
    folders.push_back(fmt::format("{}{}.d", parts.prefix.substr(0, dash + 1), parts.suffix));
  }
  if (const std::string pattern = TemplateOf(name); !pattern.empty()) {
    folders.push_back(pattern + ".d");
  }
  folders.push_back(std::string(name) + ".d");
  return folders;
}

}  // namespace

std::vector<std::string> DefaultSearchPath() {
  return {"/etc/systemd/system", "/run/systemd/system", "/run/systemd/generator",
          "/usr/local/lib/systemd/system", "/usr/lib/systemd/system"};
}

Loader::Loader(const sys::FileSource& files, LoaderOptions options)
    : files_(files), options_(std::move(options)) {}

void Loader::Note(FindingKind kind, const std::string& file, int line, std::string message) {
  if (findings_.size() < kMaxFindings) findings_.push_back({kind, file, line, std::move(message)});
}

Loader::Fragment Loader::Inspect(const std::string& folder, std::string_view name) const {
  Fragment fragment;
  const std::string path = folder + "/" + std::string(name);
  const auto type = files_.TypeOf(path);
  if (type == sys::FileSource::Type::kAbsent || type == sys::FileSource::Type::kDirectory) {
    return fragment;
  }
  fragment.path = path;
  if (type == sys::FileSource::Type::kOther) {
    fragment.masked = true;  // a bind mount of /dev/null
  } else if (type == sys::FileSource::Type::kSymlink) {
    const auto target = files_.ReadLink(path);
    if (target && *target == "/dev/null") {
      fragment.masked = true;
    } else if (target && KindOf(BaseName(*target)) && BaseName(*target) != name) {
      fragment.alias_of = BaseName(*target);
      // An instance may be a link to its template; it keeps its own name.
      if (fragment.alias_of == TemplateOf(name)) {
        fragment.alias_of.clear();
      } else if (IsTemplate(fragment.alias_of) && SplitName(name).instance) {
        fragment.alias_of = Instantiate(fragment.alias_of, *SplitName(name).instance);
      }
    }
  }
  return fragment;
}

Loader::Fragment Loader::FindFragment(std::string_view name) const {
  for (const std::string& candidate : {std::string(name), TemplateOf(name)}) {
    if (candidate.empty()) continue;
    for (const std::string& folder : options_.search_path) {
      Fragment fragment = Inspect(folder, candidate);
      if (fragment.path.empty()) continue;
      if (!fragment.alias_of.empty() && candidate != name && IsTemplate(fragment.alias_of)) {
        fragment.alias_of = Instantiate(fragment.alias_of, *SplitName(name).instance);
      }
      return fragment;
    }
  }
  return {};
}

std::string Loader::ResolveAlias(std::string_view name) const {
  std::string at(name);
  for (int depth = 0; depth < kMaxAliasDepth; ++depth) {
    if (units_.contains(at)) return at;
    std::string next = FindFragment(at).alias_of;
    if (next.empty() || next == at) {
      const std::string_view standard = StandardAlias(at);
      if (standard.empty() || !FindFragment(at).path.empty()) return at;
      next = standard;
    }
    at = std::move(next);
  }
  return std::string(name);
}

Unit* Loader::Load(std::string_view given) {
  const std::string name = ResolveAlias(given);
  if (const auto known = units_.find(name); known != units_.end()) return known->second.get();
  if (units_.size() >= kMaxUnits) return nullptr;
  auto owned = std::make_unique<Unit>();
  Unit& unit = *owned;
  unit.name = name;
  const auto kind = KindOf(name);
  units_.emplace(name, std::move(owned));
  if (!kind || IsTemplate(name)) {
    unit.state = LoadState::kBad;
    unit.problem = "not the name of a unit that can be started";
    return &unit;
  }
  unit.kind = *kind;
  if (*kind == UnitKind::kService) unit.service = std::make_unique<ServiceSettings>();
  if (*kind == UnitKind::kMount) unit.mount = std::make_unique<MountSettings>();
  if (*kind == UnitKind::kSocket) unit.socket = std::make_unique<SocketSettings>();
  if (*kind == UnitKind::kTimer) unit.timer = std::make_unique<TimerSettings>();
  if (*kind == UnitKind::kSlice) unit.slice = std::make_unique<ResourceSettings>();

  const Fragment fragment = FindFragment(name);
  const auto masked = [&](std::string_view candidate) {
    return std::ranges::find(options_.masked, candidate) != options_.masked.end();
  };
  if (fragment.masked || masked(name) || masked(given)) {
    unit.state = LoadState::kMasked;
    return &unit;
  }
  if (!fragment.alias_of.empty()) {  // ResolveAlias gave up: links in a circle
    unit.state = LoadState::kBad;
    unit.problem = fmt::format("{}: links to units lead in a circle", fragment.path);
    Note(FindingKind::kError, fragment.path, 0, "links to units lead in a circle");
    return &unit;
  }
  if (!fragment.path.empty()) {
    unit.state = LoadState::kLoaded;
    ReadInto(unit, fragment.path);
  } else if (options_.builtin_targets && IsStandardUnit(name)) {
    unit.state = LoadState::kLoaded;
    ApplyStandardUnit(unit);
  }
  ReadDropIns(unit);
  ReadLinkFolders(unit);
  if (unit.state == LoadState::kLoaded && unit.service && unit.service->start.empty() &&
      unit.service->EffectiveType() != ServiceType::kOneshot) {
    unit.state = LoadState::kBad;
    unit.problem = "ExecStart= is missing";
    Note(FindingKind::kError, fragment.path, 0, unit.problem);
  }
  if (unit.state == LoadState::kLoaded) AddDefaults(unit);
  return &unit;
}

void Loader::ReadInto(Unit& unit, const std::string& path) {
  const auto fail = [&](const Error& error) {
    unit.state = LoadState::kBad;
    unit.problem = error.ToString();
    Note(FindingKind::kError, error.file().empty() ? path : error.file(), error.line(),
         error.message());
  };
  const auto text = files_.Read(path, kMaxUnitFileBytes);
  if (!text) return fail(text.error());
  if (text->empty() && unit.files.empty()) {  // an empty file masks
    unit.state = LoadState::kMasked;
    return;
  }
  const auto assignments = ParseUnitSyntax(*text, path, findings_);
  if (!assignments) return fail(assignments.error());
  unit.files.push_back(path);
  for (const Assignment& row : *assignments) {
    ApplyAssignment(unit, options_.facts, row.section, row.name, row.value, path, row.line,
                    findings_);
  }
  if (findings_.size() > kMaxFindings) findings_.resize(kMaxFindings);
}

void Loader::ReadDropIns(Unit& unit) {
  // The same file name in a more important folder hides the other.
  std::map<std::string, std::string> chosen;
  const std::vector<std::string> folders = DropInFolders(unit.name);
  for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder) {
    for (const std::string& base : options_.search_path) {
      const std::string directory = base + "/" + *folder;
      for (const std::string& file : files_.List(directory)) {
        if (file.ends_with(".conf")) chosen.try_emplace(file, directory + "/" + file);
      }
    }
  }
  for (const auto& [file, path] : chosen) {
    const auto target = files_.ReadLink(path);
    if (target && *target == "/dev/null") continue;
    if (unit.state == LoadState::kNotFound) return;  // drop-ins alone make no unit
    if (unit.state != LoadState::kLoaded) return;
    ReadInto(unit, path);
  }
}

void Loader::ReadLinkFolders(Unit& unit) {
  const auto collect = [&](std::string_view suffix, std::vector<std::string>& list) {
    for (const std::string& folder : options_.search_path) {
      for (const std::string& name : {unit.name, TemplateOf(unit.name)}) {
        if (name.empty()) continue;
        for (std::string& entry : files_.List(folder + "/" + name + std::string(suffix))) {
          if (!KindOf(entry)) continue;
          if (IsTemplate(entry)) {
            const auto instance = SplitName(unit.name).instance;
            if (!instance) continue;
            entry = Instantiate(entry, *instance);
          }
          if (std::ranges::find(list, entry) == list.end()) list.push_back(std::move(entry));
        }
      }
    }
  };
  collect(".wants", unit.wants);
  collect(".requires", unit.requires_);
}

// The implicit dependencies of systemd.service(5), systemd.target(5) and systemd.mount(5). What
// orders a target after its members is added by the transaction, which knows them.
void Loader::AddDefaults(Unit& unit) const {
  if (unit.service && unit.service->EffectiveType() == ServiceType::kOneshot &&
      !unit.service->start_timeout_set) {
    unit.service->start_timeout = kForever;
  }
  if (!unit.default_dependencies) return;
  const auto add = [](std::vector<std::string>& list, const char* name) {
    if (std::ranges::find(list, name) == list.end()) list.emplace_back(name);
  };
  if (unit.name != "shutdown.target") {
    add(unit.conflicts, "shutdown.target");
    add(unit.before, "shutdown.target");
  }
  if (unit.kind == UnitKind::kService) {
    add(unit.requires_, "sysinit.target");
    add(unit.after, "sysinit.target");
    add(unit.after, "basic.target");
  }
  if (unit.kind == UnitKind::kMount) {
    add(unit.before, "local-fs.target");
    add(unit.after, "local-fs-pre.target");
  }
}

std::vector<std::string> Loader::ListNames() const {
  std::map<std::string, int> names;
  for (const std::string& folder : options_.search_path) {
    for (std::string& name : files_.List(folder)) {
      if (KindOf(name)) names.emplace(std::move(name), 1);
    }
  }
  std::vector<std::string> list;
  for (const auto& [name, unused] : names) list.push_back(name);
  return list;
}

}  // namespace inro::unit
