#include "unit/install.h"

#include <algorithm>
#include <set>

#include "unit/directive.h"
#include "unit/search_folders.h"
#include "unit/unit_syntax.h"

namespace inro::unit {
namespace {

constexpr std::size_t kMaxUnits = 256;  // through Also=

using Type = sys::FileSource::Type;

std::string_view BaseName(std::string_view path) { return path.substr(path.rfind('/') + 1); }
std::string FolderOf(std::string_view path) { return std::string(path.substr(0, path.rfind('/'))); }

bool IsRun(std::string_view path) { return path.starts_with("/run/"); }

// A unit file as installation sees it.
struct UnitFile {
  std::string path;       // of the file itself, links to it followed; empty: there is none
  std::string name;       // its own name: an alias is resolved
  std::string linked_at;  // where the search path has it
  bool masked = false;
  Unit unit;  // [Install] alone

  bool HasInstall() const {
    return !unit.install_alias.empty() || !unit.install_also.empty() ||
           !unit.install_wanted_by.empty() || !unit.install_required_by.empty() ||
           !unit.install_upheld_by.empty();
  }
};

class Reader {
 public:
  Reader(const sys::FileSource& files, const std::vector<std::string>& search_path)
      : files_(files), folders_(files, search_path) {}

  const SearchFolders& folders() const { return folders_; }

  UnitFile Read(const std::string& given) const {
    UnitFile file;
    file.name = given;
    std::string name = given;
    for (int depth = 0; depth < 8; ++depth) {
      const std::string path = First(name);
      if (path.empty()) return file;
      if (file.linked_at.empty()) file.linked_at = path;
      if (files_.TypeOf(path) != Type::kSymlink) {
        file.path = path;
        file.masked = files_.TypeOf(path) == Type::kOther;
        break;
      }
      const auto target = files_.ReadLink(path);
      if (!target) return file;
      if (*target == "/dev/null") {
        file.path = path;
        file.masked = true;
        return file;
      }
      const std::string base(BaseName(*target));
      const std::string absolute =
          target->starts_with('/') ? *target : FolderOf(path) + "/" + *target;
      if (base == BaseName(path) || !KindOf(base)) {  // a file that lies elsewhere
        file.path = absolute;
        break;
      }
      const NameParts parts = SplitName(name);
      name = IsTemplate(base) && parts.instance && !parts.instance->empty()
                 ? Instantiate(base, *parts.instance)
                 : base;
      file.name = name;
    }
    const auto text = files_.Read(file.path, kMaxUnitFileBytes);
    if (!text) {
      file.path.clear();
      return file;
    }
    if (text->empty()) file.masked = true;
    ReadInstall(file, *text);
    for (const std::string& folder : folders_.Find(file.name + ".d")) {
      for (const std::string& drop_in : files_.List(folder)) {
        const auto more = files_.Read(folder + "/" + drop_in, kMaxUnitFileBytes);
        if (drop_in.ends_with(".conf") && more) ReadInstall(file, *more);
      }
    }
    return file;
  }

 private:
  // The path of the name or of its template.
  std::string First(const std::string& name) const {
    for (const std::string& candidate : {name, TemplateOf(name)}) {
      if (candidate.empty()) continue;
      for (std::string& path : folders_.Find(candidate)) {
        if (files_.TypeOf(path) != Type::kDirectory) return path;
      }
    }
    return "";
  }

  static void ReadInstall(UnitFile& file, const std::string& text) {
    Findings findings;
    const auto rows = ParseUnitSyntax(text, file.path, findings);
    if (!rows) return;
    file.unit.name = file.name;
    for (const Assignment& row : *rows) {
      if (row.section != "Install") continue;
      ApplyAssignment(file.unit, {}, row.section, row.name, row.value, file.path, row.line,
                      findings);
    }
  }

  const sys::FileSource& files_;
  SearchFolders folders_;
};

// The units named and those of their Also=, each once.
template <class Visit>
Result<> ForEach(const std::vector<std::string>& names, Visit visit) {
  std::vector<std::string> queue = names;
  std::set<std::string> seen;
  for (std::size_t i = 0; i < queue.size() && i < kMaxUnits; ++i) {
    const std::string name = queue[i];
    if (!seen.insert(name).second) continue;
    if (!KindOf(name)) {
      return FailAs(ErrorKind::kBadInput, "\"{}\" is not the name of a unit", name);
    }
    INRO_ASSIGN(const std::vector<std::string> also, visit(name, i < names.size()));
    queue.insert(queue.end(), also.begin(), also.end());
  }
  return {};
}

void Link(const sys::FileSource& files, InstallPlan& plan, std::string path,
          const std::string& target) {
  if (files.TypeOf(path) == Type::kSymlink) {
    const auto old = files.ReadLink(path);
    if (old && *old == target) return;
  }
  plan.links.push_back({std::move(path), target});
}

void Want(const sys::FileSource& files, InstallPlan& plan, const std::string& path,
          const std::string& target) {
  plan.wanted.push_back({path, target});
  Link(files, plan, path, target);
}

Result<std::vector<std::string>> EnableOne(const sys::FileSource& files, const Reader& reader,
                                           const InstallOptions& options, const std::string& name,
                                           InstallPlan& plan) {
  const UnitFile file = reader.Read(name);
  if (file.path.empty()) return FailAs(ErrorKind::kNotFound, "there is no unit file {}", name);
  if (file.masked) return FailAs(ErrorKind::kBadInput, "{} is masked: unmask it first", name);
  if (file.path.starts_with("/run/systemd/generator")) {
    return FailAs(ErrorKind::kBadInput, "{} is made by a generator: it cannot be enabled", name);
  }
  if (file.HasInstall()) plan.has_install_section = true;
  const Unit& unit = file.unit;
  // The name that links of the unit carry: a template's default instance.
  std::string link_name = file.name;
  if (IsTemplate(link_name) && !unit.install_default_instance.empty()) {
    link_name = Instantiate(link_name, unit.install_default_instance);
  }
  for (const std::string& alias : unit.install_alias) {
    if (SplitName(alias).suffix != SplitName(file.name).suffix) {
      plan.notes.push_back(fmt::format("{}: Alias={} is of another kind", file.name, alias));
      continue;
    }
    const std::string path = options.folder + "/" + alias;
    if (alias == file.name) continue;
    if (files.TypeOf(path) == Type::kFile) {
      return FailAs(ErrorKind::kBadInput, "{} is a file: it is not replaced by a link", path);
    }
    Want(files, plan, path, file.path);
  }
  const auto into = [&](const std::vector<std::string>& targets, std::string_view suffix) {
    for (const std::string& target : targets) {
      const bool fits = !IsTemplate(link_name) || SplitName(target).instance.has_value();
      if (!fits) {
        plan.notes.push_back(fmt::format(
            "{} is a template without DefaultInstance=: name an instance to enable it", file.name));
        continue;
      }
      Want(files, plan, fmt::format("{}/{}{}/{}", options.folder, target, suffix, link_name),
           file.path);
    }
  };
  into(unit.install_wanted_by, ".wants");
  into(unit.install_required_by, ".requires");
  into(unit.install_upheld_by, ".upholds");
  return unit.install_also;
}

bool IsLinkFolder(std::string_view name) {
  return name.ends_with(".wants") || name.ends_with(".requires") || name.ends_with(".upholds");
}

// Links in the folders that hold configuration and lead to the unit of that name.
std::vector<std::string> LinksTo(const sys::FileSource& files, const std::string& folder,
                                 const std::string& name) {
  std::vector<std::string> found;
  const auto leads_there = [&](std::string_view entry) {
    return entry == name || (IsTemplate(name) && TemplateOf(entry) == name);
  };
  for (const std::string& entry : files.List(folder)) {
    const std::string path = folder + "/" + entry;
    if (IsLinkFolder(entry)) {
      for (const std::string& link : files.List(path)) {
        if (leads_there(link) && files.TypeOf(path + "/" + link) == Type::kSymlink) {
          found.push_back(path + "/" + link);
        }
      }
    } else if (KindOf(entry) && files.TypeOf(path) == Type::kSymlink) {
      const auto target = files.ReadLink(path);
      if (target && *target != "/dev/null" && leads_there(BaseName(*target))) found.push_back(path);
    }
  }
  return found;
}

bool IsMaskLink(const sys::FileSource& files, const std::string& path) {
  if (files.TypeOf(path) != Type::kSymlink) return false;
  const auto target = files.ReadLink(path);
  return target && *target == "/dev/null";
}

}  // namespace

Result<InstallPlan> PlanEnable(const sys::FileSource& files, const std::vector<std::string>& names,
                               const InstallOptions& options) {
  InstallPlan plan;
  const Reader reader(files, options.search_path);
  INRO_TRY(
      ForEach(names, [&](const std::string& name, bool asked) -> Result<std::vector<std::string>> {
        auto also = EnableOne(files, reader, options, name, plan);
        if (!also && !asked) {  // a unit of Also= that is absent does not undo the rest
          plan.notes.push_back(also.error().ToString());
          return std::vector<std::string>();
        }
        return also;
      }));
  return plan;
}

Result<InstallPlan> PlanDisable(const sys::FileSource& files, const std::vector<std::string>& names,
                                const InstallOptions& options) {
  InstallPlan plan;
  const Reader reader(files, options.search_path);
  INRO_TRY(
      ForEach(names, [&](const std::string& name, bool asked) -> Result<std::vector<std::string>> {
        const UnitFile file = reader.Read(name);
        std::vector<std::string> links;
        std::vector<std::string> folders{"/etc/systemd/system", "/run/systemd/system"};
        if (std::ranges::find(folders, options.folder) == folders.end()) {
          folders.push_back(options.folder);
        }
        for (const std::string& folder : folders) {
          if (options.folder.starts_with("/run/") && !IsRun(folder)) continue;
          for (std::string& link : LinksTo(files, folder, file.name))
            links.push_back(std::move(link));
        }
        if (file.path.empty() && links.empty() && asked) {
          return FailAs(ErrorKind::kNotFound, "there is no unit file {}", name);
        }
        if (file.HasInstall()) plan.has_install_section = true;
        for (std::string& link : links) plan.links.push_back({std::move(link), ""});
        return file.unit.install_also;
      }));
  return plan;
}

Result<InstallPlan> PlanMask(const sys::FileSource& files, const std::vector<std::string>& names,
                             const InstallOptions& options) {
  InstallPlan plan;
  INRO_TRY(ForEach(names, [&](const std::string& name, bool) -> Result<std::vector<std::string>> {
    const std::string path = options.folder + "/" + name;
    const Type type = files.TypeOf(path);
    if (type == Type::kFile || type == Type::kDirectory) {
      return FailAs(ErrorKind::kBadInput, "{} is a file: it is not replaced by a link", path);
    }
    Link(files, plan, path, "/dev/null");
    return std::vector<std::string>();
  }));
  return plan;
}

Result<InstallPlan> PlanUnmask(const sys::FileSource& files, const std::vector<std::string>& names,
                               const InstallOptions& options) {
  InstallPlan plan;
  INRO_TRY(ForEach(names, [&](const std::string& name, bool) -> Result<std::vector<std::string>> {
    const std::string path = options.folder + "/" + name;
    if (IsMaskLink(files, path)) plan.links.push_back({path, ""});
    return std::vector<std::string>();
  }));
  return plan;
}

std::string UnitFilePath(const sys::FileSource& files, const std::string& name,
                         const std::vector<std::string>& search_path) {
  UnitFile file = Reader(files, search_path).Read(name);
  return file.masked ? "" : std::move(file.path);
}

std::string_view UnitFileState(const sys::FileSource& files, const std::string& name,
                               const std::vector<std::string>& search_path) {
  const Reader reader(files, search_path);
  const UnitFile file = reader.Read(name);
  if (file.linked_at.empty()) return "not-found";
  if (file.masked) return IsRun(file.linked_at) ? "masked-runtime" : "masked";
  if (file.path.empty()) return "not-found";
  if (file.path.starts_with("/run/systemd/generator")) return "generated";
  if (file.path.starts_with("/run/systemd/transient/")) return "transient";
  if (file.name != name) return "alias";
  if (!LinksTo(files, "/etc/systemd/system", name).empty()) {
    const auto links = LinksTo(files, "/etc/systemd/system", name);
    const bool only_the_file = std::ranges::all_of(links, [&](const std::string& link) {
      return BaseName(link) == name && FolderOf(link) == "/etc/systemd/system";
    });
    return only_the_file ? "linked" : "enabled";
  }
  if (!LinksTo(files, "/run/systemd/system", name).empty()) return "enabled-runtime";
  if (!file.HasInstall()) return "static";
  const bool only_also = file.unit.install_wanted_by.empty() && file.unit.install_alias.empty() &&
                         file.unit.install_required_by.empty() &&
                         file.unit.install_upheld_by.empty();
  return only_also ? "indirect" : "disabled";
}

}  // namespace inro::unit
