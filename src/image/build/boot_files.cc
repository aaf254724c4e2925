#include "image/build/boot_files.h"

#include "image/build/guest_files.h"

namespace inro::image {
namespace {

constexpr std::string_view kEarlyModules = "usr/lib/inro/modules-early";

struct DeviceRow {
  std::string_view path;
  std::uint32_t major;
  std::uint32_t minor;
  std::uint32_t mode;
};
constexpr DeviceRow kDevices[] = {{"dev/console", 5, 1, 0600}, {"dev/null", 1, 3, 0666}};

// Mount points of stage 1, and where it assembles the root.
constexpr std::string_view kFolders[] = {"dev", "proc", "sys", "run"};

// Copies the regular file at `path`, links followed, to the same path without links.
Result<> CopyFile(const Tree& from, std::string_view path, Tree& to) {
  INRO_ASSIGN(const std::string resolved, from.Resolve(path));
  const Node* node = from.Find(resolved);
  if (node == nullptr || node->type != NodeType::kFile) return Fail("{} is not a file", path);
  INRO_ASSIGN(const std::string clean, CleanPath(path));
  return to.Put(clean, *node);
}

// Calls `use` with each path of the list of early modules.
template <class Use>
Result<> ForEachEarlyModule(const Tree& tree, Use use) {
  if (!tree.Contains(kEarlyModules)) return {};
  INRO_ASSIGN(std::string_view text, tree.ReadFile(kEarlyModules));
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line = line.substr(0, line.find('#'));
    while (line.ends_with(' ')) line.remove_suffix(1);
    if (line.starts_with('/')) line.remove_prefix(1);
    if (!line.empty()) INRO_TRY(use(line));
  }
  return {};
}

}  // namespace

Result<> AddConsoleNodes(Tree& tree) {
  for (const DeviceRow& row : kDevices) {
    INRO_TRY(tree.Put(row.path,
                      MakeDevice(NodeType::kCharDevice, row.major, row.minor, row.mode, "inro")));
  }
  return {};
}

Result<Tree> OuterTree(const Tree& tree) {
  Tree outer;
  const Node* binary = tree.Find(kGuestBinary);
  if (binary == nullptr) return Fail("the tree has no {}", kGuestBinary);
  for (std::string_view folder : kFolders) {
    INRO_TRY(outer.Put(folder, MakeDirectory(0755, "inro")));
  }
  INRO_TRY(AddConsoleNodes(outer));
  INRO_TRY(outer.Put("init", *binary));
  INRO_TRY(CopyFile(tree, kBootConf, outer));
  if (tree.Contains(kEarlyModules)) INRO_TRY(CopyFile(tree, kEarlyModules, outer));
  INRO_TRY(
      ForEachEarlyModule(tree, [&](std::string_view path) { return CopyFile(tree, path, outer); }));
  return outer;
}

Result<Tree> FlatTree(const Tree& tree) {
  Tree flat = tree;
  INRO_TRY(flat.Put("init", MakeSymlink(std::string(kGuestBinary), "inro")));
  return flat;
}

}  // namespace inro::image
