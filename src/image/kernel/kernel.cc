#include "image/kernel/kernel.h"

#include <algorithm>
#include <map>
#include <optional>

#include "image/kernel/decompress.h"
#include "image/kernel/module_index.h"
#include "image/kernel/module_info.h"
#include "image/kernel/module_links.h"
#include "image/kernel/module_sets.h"

namespace inro::image {
namespace {

std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end != 0) lines.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

// "usr/lib/modules/RELEASE" or "lib/modules/RELEASE"; an error when there is not exactly one.
Result<std::string> ModulesFolder(const Tree& tree, std::string_view release) {
  std::vector<std::string> found;
  for (const std::string_view top : {"usr/lib/modules", "lib/modules"}) {
    for (const auto& [name, node] : tree.Children(top)) {
      if (node->type != NodeType::kDirectory) continue;
      if (release.empty() || name == release) found.push_back(fmt::format("{}/{}", top, name));
    }
  }
  if (found.empty())
    return FailAs(ErrorKind::kNotFound, "no modules of kernel {} in the tree", release);
  if (found.size() > 1) {
    return Fail("several kernels' modules in the tree: {}", fmt::join(found, ", "));
  }
  return found[0];
}

// Finds and reads modules on demand, and walks their dependencies.
class Selection {
 public:
  Selection(const Tree& tree, std::string folder) : tree_(tree), folder_(std::move(folder)) {
    const std::string prefix = folder_ + "/";
    for (auto at = tree_.nodes().lower_bound(prefix);
         at != tree_.nodes().end() && at->first.starts_with(prefix); ++at) {
      if (at->second.type == NodeType::kFile &&
          WithoutCompressionSuffix(at->first).ends_with(".ko")) {
        files_.emplace(ModuleNameOf(at->first), at->first);
      }
    }
  }

  bool Has(std::string_view name) const { return files_.contains(name); }

  // Adds a module behind everything it needs.
  Result<> Add(const std::string& name) {
    if (visited_.contains(name)) return {};
    visited_.insert(name);
    const auto file = files_.find(name);
    if (file == files_.end()) return {};  // built in, or missing: the caller has looked
    const std::string& path = file->second;
    INRO_ASSIGN(std::string bytes, DecompressModule(path, tree_.Find(path)->content.view()));
    INRO_ASSIGN(ModuleInfo info, ReadModuleInfo(path, bytes));
    for (const std::string& needed : info.soft_pre) {
      if (Has(needed)) INRO_TRY(Add(needed));
    }
    for (const std::string& needed : info.depends) {
      INRO_TRY(Add(needed));
    }
    IndexedModule module;
    module.name = name;
    module.path = WithoutCompressionSuffix(std::string_view(path).substr(folder_.size() + 1));
    module.info = std::move(info);
    content_[name] = Content(std::move(bytes));
    modules_.push_back(std::move(module));
    return {};
  }

  const std::vector<IndexedModule>& modules() const { return modules_; }
  const Content& ContentOf(const std::string& name) const { return content_.at(name); }

 private:
  const Tree& tree_;
  std::string folder_;
  std::map<std::string, std::string, std::less<>> files_;  // name -> path
  std::set<std::string, std::less<>> visited_;
  std::vector<IndexedModule> modules_;
  std::map<std::string, Content, std::less<>> content_;
};

// The names in modules.builtin.
std::vector<std::string> BuiltInNames(const Tree& tree, std::string_view folder) {
  std::vector<std::string> names;
  if (const auto text = tree.ReadFile(fmt::format("{}/modules.builtin", folder))) {
    for (const std::string_view line : Lines(*text)) names.push_back(ModuleNameOf(line));
  }
  return names;
}

// (alias, module) pairs of modules.builtin.modinfo: NUL-separated "module.key=value".
std::vector<std::pair<std::string, std::string>> BuiltInAliases(const Tree& tree,
                                                                std::string_view folder) {
  std::vector<std::pair<std::string, std::string>> aliases;
  const auto bytes = tree.ReadFile(fmt::format("{}/modules.builtin.modinfo", folder));
  if (!bytes) return aliases;
  std::string_view rest = *bytes;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\0');
    const std::string_view line = rest.substr(0, end);
    const std::size_t key = line.find(".alias=");
    if (key != std::string_view::npos) {
      aliases.emplace_back(line.substr(key + 7), NormalizeModuleName(line.substr(0, key)));
    }
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  return aliases;
}

Result<> WriteModules(Kernel& kernel, const Selection& selection, const Tree& package,
                      const std::string& from, const std::string& release) {
  const std::string to = "usr/lib/modules/" + release;
  const std::string origin = "kernel " + release;
  INRO_TRY(kernel.modules.Put(to, MakeDirectory(0755, origin)));
  for (const IndexedModule& module : selection.modules()) {
    Node node = MakeFile("", 0644, origin);
    node.content = selection.ContentOf(module.name);
    const std::string path = fmt::format("{}/{}", to, module.path);
    kernel.load_order.push_back({module.name, path, node.content.size()});
    INRO_TRY(kernel.modules.Put(path, std::move(node)));
  }
  for (const std::string_view name : {"modules.builtin", "modules.builtin.modinfo"}) {
    if (const auto text = package.ReadFile(fmt::format("{}/{}", from, name))) {
      INRO_TRY(kernel.modules.Put(fmt::format("{}/{}", to, name),
                                  MakeFile(std::string(*text), 0644, origin)));
    }
  }
  std::string order;
  std::vector<std::string> order_names;
  if (const auto text = package.ReadFile(fmt::format("{}/modules.order", from))) {
    for (const std::string_view line : Lines(*text)) {
      order_names.push_back(ModuleNameOf(line));
      if (std::ranges::find(kernel.load_order, order_names.back(), &GuestModule::name) !=
          kernel.load_order.end()) {
        order += fmt::format("{}\n", line);
      }
    }
  }
  INRO_TRY(kernel.modules.Put(to + "/modules.order", MakeFile(order, 0644, origin)));
  std::vector<IndexedModule> indexed = selection.modules();
  SortForIndex(indexed, order_names);
  LinkDependencies(indexed);
  const auto files =
      ModuleIndexFiles(indexed, BuiltInNames(package, from), BuiltInAliases(package, from));
  for (const auto& [name, text] : files) {
    INRO_TRY(kernel.modules.Put(fmt::format("{}/{}", to, name), MakeFile(text, 0644, origin)));
  }
  return {};
}

}  // namespace

Result<Kernel> SelectModules(KernelFile file, KernelConfig config, const Tree& modules,
                             const std::vector<std::string>& wanted,
                             const std::vector<std::string>& built_in) {
  Kernel kernel;
  kernel.file = std::move(file);
  kernel.config = std::move(config);
  const auto folder = ModulesFolder(modules, kernel.file.release);
  if (!folder && folder.error().kind() != ErrorKind::kNotFound)
    return std::unexpected(folder.error());
  const std::string from = folder ? *folder : "";
  const std::string release = folder ? from.substr(from.rfind('/') + 1) : kernel.file.release;
  std::set<std::string, std::less<>> known;
  for (std::string& name : BuiltInNames(modules, from)) known.insert(std::move(name));
  for (const std::string& name : built_in) known.insert(NormalizeModuleName(name));

  Selection selection(modules, folder ? from : "no-modules");
  for (const std::string& raw : wanted) {
    const std::string name = NormalizeModuleName(raw);
    if (selection.Has(name)) {
      INRO_TRY(selection.Add(name));
      continue;
    }
    const std::string_view option = ConfigOptionOf(name);
    const bool inside = known.contains(name) || (!option.empty() && kernel.config.Feature(option) ==
                                                                        KernelFeature::kBuiltIn);
    std::vector<std::string>& list = inside ? kernel.built_in : kernel.missing;
    if (std::ranges::find(list, name) == list.end()) list.push_back(name);
  }
  if (!folder) return kernel;
  // What a module depends on must be a module too, or built in.
  for (const IndexedModule& module : selection.modules()) {
    for (const std::string& needed : module.info.depends) {
      if (!selection.Has(needed) && !known.contains(needed)) {
        return Fail("module {} of kernel {} depends on {}, which is not there", module.name,
                    release, needed);
      }
    }
  }
  INRO_TRY(WriteModules(kernel, selection, modules, from, release));
  return kernel;
}

Result<Kernel> SelectKernel(const Tree& package, const std::vector<std::string>& wanted) {
  std::vector<std::string> images;
  for (const auto& [name, node] : package.Children("boot")) {
    if (name.starts_with("vmlinuz-") && node->type == NodeType::kFile) images.push_back(name);
  }
  if (images.size() != 1) {
    return Fail("the kernel package has {} files boot/vmlinuz-*, one is needed{}{}", images.size(),
                images.empty() ? "" : ": ", fmt::join(images, ", "));
  }
  const std::string release = images[0].substr(std::string_view("vmlinuz-").size());
  INRO_ASSIGN(const std::string_view bytes, package.ReadFile("boot/" + images[0]));
  INRO_ASSIGN(KernelFile file, InspectKernel(std::string(bytes), images[0]));
  file.release = release;
  KernelConfig config;
  if (const auto text = package.ReadFile("boot/config-" + release))
    config = KernelConfig::Parse(*text);
  return SelectModules(std::move(file), std::move(config), package, wanted, {});
}

std::string EarlyModulesText(const Kernel& kernel, const std::vector<std::string>& names) {
  // The closure within the selection: from modules.dep, whose lines name all dependencies.
  std::map<std::string, std::string, std::less<>> group_of;  // module -> the name of its group
  for (const std::string& name : names) {
    const std::string module = NormalizeModuleName(name);
    group_of.emplace(module, module);
  }
  const auto join = [&](const std::string& one, const std::string& other) {
    const std::string from = group_of.try_emplace(one, one).first->second;
    const std::string to = group_of.try_emplace(other, other).first->second;
    for (auto& [module, group] : group_of) {
      if (group == from) group = to;
    }
  };
  const std::string dep_path = "usr/lib/modules/";
  for (const auto& [path, node] : kernel.modules.nodes()) {
    if (!path.starts_with(dep_path) || !path.ends_with("/modules.dep")) continue;
    for (const std::string_view line : Lines(node.content.view())) {
      const std::size_t colon = line.find(':');
      if (colon == std::string_view::npos) continue;
      const std::string module = ModuleNameOf(line.substr(0, colon));
      if (!group_of.contains(module)) continue;
      std::string_view rest = line.substr(colon + 1);
      while (!rest.empty()) {
        const std::size_t end = std::min(rest.find(' '), rest.size());
        if (end > 0) join(module, ModuleNameOf(rest.substr(0, end)));
        rest.remove_prefix(std::min(end + 1, rest.size()));
      }
    }
  }
  // Two groups that do not depend on each other, so that a guest loads them side by side: the
  // largest one, and all others.
  std::map<std::string, std::size_t> sizes;
  for (const GuestModule& module : kernel.load_order) {
    const auto group = group_of.find(module.name);
    if (group != group_of.end()) ++sizes[group->second];
  }
  const auto largest =
      std::ranges::max_element(sizes, {}, [](const auto& at) { return at.second; });
  std::string first;
  std::string second;
  for (const GuestModule& module : kernel.load_order) {
    const auto group = group_of.find(module.name);
    if (group == group_of.end()) continue;
    (group->second == largest->first ? first : second) += fmt::format("/{}\n", module.path);
  }
  return second.empty() ? first : first + "\n" + second;
}

std::string LateModulesText(const Kernel& kernel, const std::vector<std::string>& names) {
  std::set<std::string, std::less<>> late;
  for (const std::string& name : names) late.insert(NormalizeModuleName(name));
  std::string text;
  for (const GuestModule& module : kernel.load_order) {
    if (late.contains(module.name)) text += fmt::format("{}\n", module.name);
  }
  return text;
}

}  // namespace inro::image
