#include "compare/floor.h"

#include <algorithm>
#include <map>
#include <set>

#include "image/write/cpio.h"

namespace inro::compare {
namespace {

constexpr std::string_view kEarlyList = "usr/lib/inro/modules-early";
constexpr std::uint32_t kEpoch = 0;

std::vector<std::string> Lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// "kernel/net/vmw_vsock/vsock.ko.xz" -> "vsock". The kernel takes "-" and "_" as the same.
std::string ModuleName(std::string_view path) {
  path = path.substr(path.rfind('/') + 1);
  std::string name(path.substr(0, path.find('.')));
  std::ranges::replace(name, '-', '_');
  return name;
}

// The folder of the only kernel release in the tree.
Result<std::string> ModulesFolder(const image::Tree& tree) {
  const auto releases = tree.Children("usr/lib/modules");
  if (releases.size() != 1) {
    return Fail("the guest has {} kernel releases below /usr/lib/modules, not one",
                releases.size());
  }
  return "usr/lib/modules/" + releases.begin()->first;
}

}  // namespace

std::vector<std::string> NeededModules(const std::vector<std::string>& early,
                                       std::string_view modules_dep,
                                       const std::vector<std::string>& wanted) {
  std::map<std::string, std::vector<std::string>> needs;
  for (const std::string& line : Lines(modules_dep)) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    auto& list = needs[ModuleName(line.substr(0, colon))];
    std::string_view rest = std::string_view(line).substr(colon + 1);
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(' '), rest.size());
      if (end > 0) list.push_back(ModuleName(rest.substr(0, end)));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  std::set<std::string> closure;
  std::vector<std::string> todo = wanted;
  while (!todo.empty()) {
    const std::string name = std::move(todo.back());
    todo.pop_back();
    if (!closure.insert(name).second) continue;
    for (const std::string& next : needs[name]) todo.push_back(next);
  }
  std::vector<std::string> needed;
  for (const std::string& path : early) {
    if (closure.contains(ModuleName(path))) needed.push_back(path);
  }
  return needed;
}

Result<std::string> MakeFloorInitrd(const image::Tree& guest, std::string floor_program) {
  image::Tree tree;
  for (const char* folder : {"dev", "proc", "sys"}) {
    INRO_TRY(tree.Put(folder, image::MakeDirectory()));
  }
  INRO_TRY(tree.Put("dev/console", image::MakeDevice(image::NodeType::kCharDevice, 5, 1, 0600)));
  INRO_TRY(tree.Put("dev/null", image::MakeDevice(image::NodeType::kCharDevice, 1, 3, 0666)));
  INRO_TRY(tree.Put("init", image::MakeFile(std::move(floor_program), 0755)));

  std::string list;
  if (const auto early = guest.ReadFile(kEarlyList)) {
    INRO_ASSIGN(const std::string folder, ModulesFolder(guest));
    INRO_ASSIGN(const std::string_view dep, guest.ReadFile(folder + "/modules.dep"));
    for (const std::string& path :
         NeededModules(Lines(*early), dep, {"vmw_vsock_virtio_transport", "virtio_pci"})) {
      INRO_ASSIGN(const std::string_view module, guest.ReadFile(path));
      const std::string inside = "modules/" + path.substr(path.rfind('/') + 1);
      INRO_TRY(tree.Put(inside, image::MakeFile(std::string(module))));
      list += "/" + inside + "\n";
    }
  }
  if (!list.empty()) INRO_TRY(tree.Put("modules-early", image::MakeFile(list)));
  return image::WriteCpio(tree, kEpoch);
}

}  // namespace inro::compare
