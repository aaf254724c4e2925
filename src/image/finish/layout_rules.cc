#include "image/finish/layout_rules.h"

namespace inro::image {
namespace {

constexpr std::string_view kMergedFolders[] = {"bin", "sbin", "lib", "lib64", "lib32", "libx32"};

}  // namespace

Result<> ApplyMergedUsr(RuleContext& context) {
  Tree& tree = context.tree();
  for (const std::string_view folder : kMergedFolders) {
    const std::string target = fmt::format("usr/{}", folder);
    const Node* old = tree.Find(folder);
    if (old != nullptr && old->type == NodeType::kSymlink) {
      const bool ours = old->target == target || old->target == "/" + target;
      if (ours && !tree.Contains(target)) INRO_TRY(context.PutDirectory(target, 0755));
      continue;
    }
    const bool needed = folder == "bin" || folder == "sbin" || folder == "lib";
    if (old == nullptr && !needed && !tree.Contains(target)) continue;
    if (!tree.Contains(target)) INRO_TRY(context.PutDirectory(target, 0755));
    if (old != nullptr) {
      const std::string prefix = fmt::format("{}/", folder);
      Tree::Map moved;
      for (auto at = tree.nodes().lower_bound(prefix);
           at != tree.nodes().end() && at->first.starts_with(prefix); ++at) {
        moved.insert(*at);
      }
      tree.Remove(folder);
      for (auto& [path, node] : moved) {
        const std::string to = fmt::format("usr/{}", path);
        const Node* there = tree.Find(to);
        if (there != nullptr && there->type == NodeType::kDirectory &&
            node.type == NodeType::kDirectory) {
          continue;
        }
        if (there != nullptr && (there->type != node.type || there->target != node.target ||
                                 there->content.view() != node.content.view())) {
          return Fail("merge /usr: /{} and /{} are both there and differ", path, to);
        }
        INRO_TRY(tree.Put(to, std::move(node)));
      }
    }
    INRO_TRY(context.Put(folder, MakeSymlink(target)));
  }
  return {};
}

Result<> ApplyDeviceNodes(RuleContext& context) {
  INRO_TRY(context.Put("dev/console", MakeDevice(NodeType::kCharDevice, 5, 1, 0600)));
  return context.Put("dev/null", MakeDevice(NodeType::kCharDevice, 1, 3, 0666));
}

Result<> ApplyResolvConf(RuleContext& context) {
  const Node* old = context.tree().Find("etc/resolv.conf");
  if (old != nullptr && old->type == NodeType::kFile && old->content.size() == 0 &&
      old->mode == 0644) {
    return {};
  }
  context.Remove("etc/resolv.conf");
  return context.Put("etc/resolv.conf", MakeFile("", 0644));
}

Result<> ApplyMachineId(RuleContext& context) {
  context.tree().Remove("etc/machine-id");
  return context.Put("etc/machine-id", MakeFile("", 0444));
}

Result<> ApplyOsRelease(RuleContext& context) {
  if (!context.tree().Resolve("usr/lib/os-release")) {
    // A tree without base-files: programs still ask for the file.
    return context.PutIfAbsent("etc/os-release", MakeFile("ID=linux\nNAME=Linux\n", 0644));
  }
  return context.PutIfAbsent("etc/os-release", MakeSymlink("../usr/lib/os-release"));
}

}  // namespace inro::image
