#include "unit/loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/stable_sort.h"
#include "unit/directive.h"
#include "unit/implicit_dependencies.h"
#include "unit/standard_units.h"
#include "unit/unit_syntax.h"

namespace inro::unit {
namespace {

constexpr int kMaxAliasDepth = 8;
constexpr std::size_t kMaxFindings = 4096;
constexpr std::size_t kMaxDropIns = 256;  // of one unit

std::string_view BaseName(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// FNV-1a.
void AddToFingerprint(std::uint64_t& fingerprint, std::string_view text) {
  if (fingerprint == 0) fingerprint = 0xcbf29ce484222325U;
  for (const char c : text) {
    fingerprint = (fingerprint ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
}

// NAME.d, for an instance that of its template, and of each part of the name that ends in a dash.
void AddDropInNames(std::string_view name, std::vector<std::string>& list) {
  list.push_back(std::string(name) + ".d");
  if (const std::string pattern = TemplateOf(name); !pattern.empty()) {
    AddDropInNames(pattern, list);
    return;
  }
  const NameParts parts = SplitName(name);
  std::string_view stem = parts.prefix;
  while (!stem.empty()) {
    if (stem.ends_with('-')) stem.remove_suffix(1);
    const std::size_t dash = stem.rfind('-');
    if (dash == std::string_view::npos) break;
    stem = stem.substr(0, dash + 1);
    list.push_back(fmt::format("{}{}{}.d", stem, parts.instance ? "@" : "", parts.suffix));
  }
}

// Fields of os-release(5) are read only for a file that asks for one.
bool AsksForOsRelease(std::string_view text) {
  for (std::size_t at = text.find('%'); at != std::string_view::npos && at + 1 < text.size();
       at = text.find('%', at + 2)) {
    if (std::string_view("owBWMA").find(text[at + 1]) != std::string_view::npos) return true;
  }
  return false;
}

}  // namespace

std::vector<std::string> DefaultSearchPath() {
  return {"/etc/systemd/system.control", "/run/systemd/system.control",
          "/run/systemd/transient",      "/run/systemd/generator.early",
          "/etc/systemd/system",         "/run/systemd/system",
          "/run/systemd/generator",      "/usr/local/lib/systemd/system",
          "/usr/lib/systemd/system",     "/run/systemd/generator.late"};
}

Loader::Loader(const sys::FileSource& files, LoaderOptions options)
    : files_(files), options_(std::move(options)), folders_(files, options_.search_path) {}

void Loader::Note(FindingKind kind, const std::string& file, int line, std::string message) {
  if (findings_.size() < kMaxFindings) findings_.push_back({kind, file, line, std::move(message)});
}

Loader::Fragment Loader::Inspect(const std::string& path, std::string_view name) const {
  Fragment fragment;
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
    for (const std::string& path : folders_.Find(candidate)) {
      Fragment fragment = Inspect(path, candidate);
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
  ReadDropIns(unit, given);
  ReadLinkFolders(unit);
  if (unit.state != LoadState::kLoaded) return &unit;
  unit.problem = WhatIsMissing(unit);
  if (!unit.problem.empty()) {
    unit.state = LoadState::kBad;
    Note(FindingKind::kError, fragment.path, 0, unit.problem);
    return &unit;
  }
  DropItself(unit);
  AddImplicitDependencies(unit, folders_);
  // A socket may have its service by an alias (syslog.socket and syslog.service).
  for (std::string& triggered : unit.triggers) triggered = ResolveAlias(triggered);
  return &unit;
}

void Loader::DropItself(Unit& unit) {
  for (std::vector<std::string>* names :
       {&unit.requires_, &unit.wants, &unit.requisite, &unit.binds_to, &unit.conflicts,
        &unit.before, &unit.after, &unit.on_failure, &unit.on_success, &unit.part_of, &unit.upholds,
        &unit.propagates_reload_to, &unit.reload_propagated_from, &unit.propagates_stop_to,
        &unit.stop_propagated_from, &unit.joins_namespace_of}) {
    std::erase_if(*names, [&](const std::string& name) { return name == unit.name; });
  }
}

std::unique_ptr<Unit> Loader::Take(std::string_view name) {
  const auto known = units_.find(name);
  if (known == units_.end()) return nullptr;
  std::unique_ptr<Unit> unit = std::move(known->second);
  units_.erase(known);
  return unit;
}

void Loader::MarkBroken(Unit& unit, const std::string& path, const Error& error) {
  unit.state = LoadState::kError;
  unit.problem = error.ToString();
  Note(FindingKind::kError, error.file().empty() ? path : error.file(), error.line(),
       error.message());
}

void Loader::ReadInto(Unit& unit, const std::string& path) {
  const auto text = files_.Read(path, kMaxUnitFileBytes);
  if (!text) return MarkBroken(unit, path, text.error());
  if (text->empty()) {  // an empty file masks
    unit.state = LoadState::kMasked;
    return;
  }
  const std::optional<Error> error = Apply(unit, path, *text);
  if (error) MarkBroken(unit, path, *error);
}

// As far as the file goes; gives why it did not go to its end.
std::optional<Error> Loader::Apply(Unit& unit, const std::string& path, std::string_view text) {
  UnitSyntax syntax = ReadUnitSyntax(text, path, findings_);
  if (!options_.facts.os_known && AsksForOsRelease(text)) {
    for (const char* release : {"/etc/os-release", "/usr/lib/os-release"}) {
      const auto fields = files_.Read(release, 64 << 10);
      if (fields) SetOsRelease(options_.facts, *fields);
      if (fields) break;
    }
  }
  AddToFingerprint(unit.fingerprint, path);
  AddToFingerprint(unit.fingerprint, text);
  unit.files.push_back(path);
  for (const Assignment& row : syntax.assignments) {
    ApplyAssignment(unit, options_.facts, row.section, row.name, row.value, path, row.line,
                    findings_);
  }
  if (findings_.size() > kMaxFindings) findings_.resize(kMaxFindings);
  return std::move(syntax.error);
}

// Folders whose drop-ins apply, the most important first.
std::vector<std::string> Loader::DropInFolders(const std::vector<std::string>& names) const {
  std::vector<std::string> wanted;
  for (const std::string& name : names) AddDropInNames(name, wanted);
  std::vector<std::string> found;
  for (const std::string& name : wanted) {
    for (std::string& path : folders_.Find(name)) found.push_back(std::move(path));
  }
  // A more important folder of the search path comes before a more specific name.
  StableSort(found, {}, [&](const std::string& path) {
    const std::string_view base = std::string_view(path).substr(0, path.rfind('/'));
    return std::ranges::find(folders_.paths(), base) - folders_.paths().begin();
  });
  const std::string_view suffix = SplitName(names.front()).suffix;
  for (std::string& path : folders_.Find(std::string(suffix.substr(1)) + ".d")) {  // service.d
    found.push_back(std::move(path));
  }
  return found;
}

void Loader::ReadDropIns(Unit& unit, std::string_view given) {
  if (unit.state != LoadState::kLoaded) return;  // drop-ins alone make no unit
  std::vector<std::string> names = {unit.name};
  if (given != unit.name) names.emplace_back(given);
  for (const std::string& alias : unit.install_alias) {
    if (alias != given && alias != unit.name && FindFragment(alias).alias_of == unit.name) {
      names.push_back(alias);
    }
  }
  // The same file name in a more important folder hides the other; they apply in order of names.
  std::map<std::string, std::string> chosen;
  for (const std::string& folder : DropInFolders(names)) {
    for (const std::string& file : files_.List(folder)) {
      if (!file.ends_with(".conf") || file.starts_with('.')) continue;
      if (chosen.size() < kMaxDropIns) chosen.try_emplace(file, folder + "/" + file);
    }
  }
  for (const auto& [file, path] : chosen) {
    const auto target = files_.ReadLink(path);
    if (target && *target == "/dev/null") continue;
    // A folder, or a link to nothing or to itself, is no reason to go without the unit.
    const auto text = files_.Read(path, kMaxUnitFileBytes);
    if (!text) {
      Note(FindingKind::kError, path, 0, text.error().message());
      continue;
    }
    if (const auto error = Apply(unit, path, *text)) {
      Note(FindingKind::kError, path, error->line(), error->message());
    }
  }
}

void Loader::ReadLinkFolders(Unit& unit) {
  const auto collect = [&](std::string_view suffix, std::vector<std::string>& list) {
    for (const std::string& name : {unit.name, TemplateOf(unit.name)}) {
      if (name.empty()) continue;
      for (const std::string& folder : folders_.Find(name + std::string(suffix))) {
        for (std::string& entry : files_.List(folder)) {
          if (!KindOf(entry)) continue;
          if (IsTemplate(entry)) {
            const auto instance = SplitName(unit.name).instance;
            if (!instance) continue;
            entry = Instantiate(entry, *instance);
          }
          if (std::ranges::find(list, entry) != list.end()) continue;
          AddToFingerprint(unit.fingerprint, suffix);
          AddToFingerprint(unit.fingerprint, entry);
          list.push_back(std::move(entry));
        }
      }
    }
  };
  collect(".wants", unit.wants);
  collect(".requires", unit.requires_);
  collect(".upholds", unit.upholds);
}

std::vector<std::string> Loader::ListNames() const {
  std::vector<std::string> names = folders_.Names();
  std::erase_if(names, [](const std::string& name) { return !KindOf(name); });
  return names;
}

}  // namespace inro::unit
