#include "image/finish/file_rules.h"

#include <algorithm>

#include "image/finish/text_lines.h"

namespace inro::image {
namespace {

bool Applies(const RuleContext& context, std::string_view packages) {
  if (packages.empty()) return true;
  for (const std::string_view name : SplitFields(packages, ' ')) {
    if (context.HasPackage(name)) return true;
  }
  return false;
}

Result<> ApplyRow(RuleContext& context, const FileRow& row) {
  INRO_ASSIGN(const std::uint32_t uid,
              row.user == "root" ? Result<std::uint32_t>(0) : LookUpUser(context.tree(), row.user));
  INRO_ASSIGN(const std::uint32_t gid, row.group == "root"
                                           ? Result<std::uint32_t>(0)
                                           : LookUpGroup(context.tree(), row.group));
  switch (row.action) {
    case FileAction::kFolder:
      return context.PutDirectory(row.path, row.mode, uid, gid);
    case FileAction::kLink: {
      const std::string at = context.tree().ResolveParents(row.path);
      const Node* old = context.tree().Find(at);
      if (old != nullptr) {
        // Packages ship /var/run and /var/lock as empty folders; the link takes their place.
        if (old->type != NodeType::kDirectory || !context.tree().Children(at).empty()) return {};
        context.Remove(at);
      }
      return context.Put(at, MakeSymlink(std::string(row.argument)));
    }
    case FileAction::kOverride:
      if (!context.tree().Resolve(row.path)) return {};
      INRO_TRY(context.SetOwner(row.path, uid, gid));
      return context.SetMode(row.path, row.mode);
    case FileAction::kCopy:
    case FileAction::kText:
      break;
  }
  Node node = MakeFile(row.action == FileAction::kText ? std::string(row.argument) : "", row.mode);
  if (row.action == FileAction::kCopy) {
    const auto from = context.tree().Resolve(row.argument);
    if (!from) return {};
    node.content = context.tree().Find(*from)->content;
  }
  node.uid = uid;
  node.gid = gid;
  return context.PutIfAbsent(row.path, std::move(node));
}

// A profile of pam-configs: "Key: value" lines and blocks of lines below "Type:" keys.
struct PamProfile {
  std::string name;
  bool chosen = false;
  int priority = 0;
  std::map<std::string, std::string, std::less<>> values;
  std::map<std::string, std::vector<std::string>, std::less<>> blocks;
};

PamProfile ParsePamProfile(std::string_view text) {
  PamProfile profile;
  std::string block;
  for (const std::string_view line : SplitLines(text)) {
    if (line.starts_with('\t') || line.starts_with(' ')) {
      if (!block.empty() && !TrimBlanks(line).empty()) {
        profile.blocks[block].emplace_back(TrimBlanks(line));
      }
      continue;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    block = line.substr(0, colon);
    const std::string_view value = TrimBlanks(line.substr(colon + 1));
    profile.values[block] = value;
  }
  profile.chosen = profile.values["Default"] == "yes";
  profile.priority = static_cast<int>(std::strtol(profile.values["Priority"].c_str(), nullptr, 10));
  return profile;
}

// The lines of a block ("Primary" or "Additional") of one PAM type. In a primary block "end" in
// [success=end] becomes the number of lines to jump over, the fallback included.
std::string PamBlock(const std::vector<PamProfile>& profiles, std::string_view type,
                     std::string_view prefix, std::string_view kind, bool interactive) {
  std::vector<std::string> lines;
  bool first = true;
  for (const PamProfile& profile : profiles) {
    const auto value = [&](std::string_view key) -> std::string_view {
      const auto at = profile.values.find(key);
      return at == profile.values.end() ? std::string_view() : std::string_view(at->second);
    };
    if (value(fmt::format("{}-Type", type)) != kind) continue;
    if (!interactive && value(fmt::format("{}-Interactive-Only", type)) == "yes") continue;
    auto block = profile.blocks.find(fmt::format("{}-Initial", type));
    if (!first || block == profile.blocks.end()) block = profile.blocks.find(type);
    if (block == profile.blocks.end()) continue;
    lines.insert(lines.end(), block->second.begin(), block->second.end());
    first = false;
  }
  if (lines.empty()) {
    return kind == "Primary" ? fmt::format("{}\t[default=1]\t\t\tpam_permit.so\n", prefix) : "";
  }
  std::string text;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::string line = lines[i];
    if (const std::size_t end = line.find("=end"); end != std::string::npos) {
      line.replace(end + 1, 3, std::to_string(lines.size() - i));
    }
    // pam-auth-update writes a blank behind the module, whether arguments follow or not.
    text += fmt::format("{}\t{}{}\n", prefix, line, line.ends_with(".so") ? " " : "");
  }
  return text;
}

}  // namespace

Result<> ApplyFileRows(RuleContext& context) {
  for (const FileRow& row : FileRows()) {
    if (row.rule != context.rule_id() || !Applies(context, row.packages)) continue;
    if (auto done = ApplyRow(context, row); !done) {
      return std::unexpected(done.error().Wrap(fmt::format("rule {}, {}", row.rule, row.path)));
    }
  }
  return {};
}

Result<> ApplyShells(RuleContext& context) {
  const auto base = context.tree().ReadFile("usr/share/debianutils/shells");
  if (context.tree().Resolve("etc/shells") || !base) return {};
  std::string text(*base);
  const auto add = [&](std::string_view shell) {
    for (const std::string_view line : SplitLines(text)) {
      if (line == shell) return;
    }
    text += fmt::format("{}\n", shell);
  };
  for (const auto& [name, node] : context.tree().Children("usr/share/debianutils/shells.d")) {
    for (const std::string_view line : SplitLines(node->content.view())) {
      if (line.starts_with('/')) add(line);
    }
  }
  // On a merged /usr the same program has two names.
  const std::string names = text;
  for (const std::string_view line : SplitLines(names)) {
    if (line.starts_with("/bin/")) add(fmt::format("/usr{}", line));
    if (line.starts_with("/usr/bin/")) add(line.substr(4));
  }
  return context.Put("etc/shells", MakeFile(text, 0644));
}

Result<> ApplyPamCommon(RuleContext& context) {
  std::vector<PamProfile> profiles;
  for (const auto& [name, node] : context.tree().Children("usr/share/pam-configs")) {
    PamProfile profile = ParsePamProfile(node->content.view());
    profile.name = name;
    if (profile.chosen) profiles.push_back(std::move(profile));
  }
  std::ranges::sort(profiles, [](const PamProfile& a, const PamProfile& b) {
    return a.priority != b.priority ? a.priority > b.priority : a.name < b.name;
  });
  static constexpr struct {
    std::string_view file;
    std::string_view variable;
    std::string_view type;
    std::string_view prefix;
    bool interactive;
  } kFiles[] = {{"common-auth", "auth", "Auth", "auth", true},
                {"common-account", "account", "Account", "account", true},
                {"common-password", "password", "Password", "password", true},
                {"common-session", "session", "Session", "session", true},
                {"common-session-noninteractive", "session_nonint", "Session", "session", false}};
  for (const auto& file : kFiles) {
    const auto shipped = context.tree().ReadFile(fmt::format("usr/share/pam/{}", file.file));
    if (!shipped) continue;
    std::string text;
    for (const std::string_view line : SplitLines(*shipped)) {
      if (line == fmt::format("${}_primary", file.variable)) {
        text += PamBlock(profiles, file.type, file.prefix, "Primary", file.interactive);
      } else if (line == fmt::format("${}_additional", file.variable)) {
        text += PamBlock(profiles, file.type, file.prefix, "Additional", file.interactive);
      } else {
        text += fmt::format("{}\n", line);
      }
    }
    INRO_TRY(context.PutIfAbsent(fmt::format("etc/pam.d/{}", file.file), MakeFile(text, 0644)));
  }
  return {};
}

Result<> ApplyNginxModules(RuleContext& context) {
  for (const auto& [name, node] : context.tree().Children("usr/share/nginx/modules-available")) {
    INRO_TRY(context.PutIfAbsent(
        fmt::format("etc/nginx/modules-enabled/50-{}", name),
        MakeSymlink(fmt::format("/usr/share/nginx/modules-available/{}", name))));
  }
  return {};
}

Result<> ApplyHostname(RuleContext& context) {
  if (context.options().hostname.empty()) return {};
  return context.Put("etc/hostname", MakeFile(context.options().hostname + "\n", 0644));
}

}  // namespace inro::image
