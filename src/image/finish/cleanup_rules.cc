#include <algorithm>
#include <map>

#include "image/finish/layout_rules.h"
#include "image/finish/text_lines.h"

namespace inro::image {
namespace {

constexpr std::string_view kSecrets[] = {
    "etc/ssh/ssh_host_*",
    "etc/ssl/private/ssl-cert-snakeoil.key",
    "etc/hostid",
    "etc/iscsi/initiatorname.iscsi",
    "root/.ssh/id_*",
    "root/.bash_history",
    "var/lib/systemd/random-seed",
    "var/lib/systemd/credential.secret",
    "var/lib/urandom/random-seed",
    "var/lib/random-seed",
    "var/lib/dhcp/*",
    "var/lib/NetworkManager/secret_key",
};

// Emptied, the folder itself stays.
constexpr std::string_view kEmptied[] = {"run",
                                         "tmp",
                                         "var/tmp",
                                         "proc",
                                         "sys",
                                         "dev",
                                         "var/cache/apt",
                                         "var/cache/debconf",
                                         "var/cache/ldconfig",
                                         "var/cache/man",
                                         "var/lib/apt/lists"};

constexpr std::string_view kRunFiles[] = {
    "var/log/*.log",
    "var/log/apt/**",
    "var/log/journal/*",
    "etc/*-",
    "var/lib/dpkg/*-old",
    "var/lib/dpkg/lock*",
    "etc/.pwd.lock",
    "var/lib/ucf/cache/*",
    "etc/*.dpkg-old",
    "var/backups/*",
    "var/lib/apt/extended_states",
};

constexpr std::string_view kPruneRemove[] = {
    "usr/share/doc/**",      "usr/share/man/**",
    "usr/share/info/**",     "usr/share/locale/**",
    "usr/share/i18n/**",     "usr/share/lintian/**",
    "usr/share/linda/**",    "usr/share/bug/**",
    "usr/share/doc-base/**", "usr/share/bash-completion/**",
    "usr/share/zsh/**",      "usr/share/fish/**",
    "usr/share/menu/**",     "usr/share/pixmaps/**",
    "usr/share/icons/**",    "usr/share/applications/**",
    "usr/share/gdb/**",      "usr/share/zoneinfo/**",
    "usr/lib/*/gconv/**",    "usr/include/**",
    "usr/lib/valgrind/**",   "usr/lib/*/pkgconfig/**",
    "usr/lib/*.a",           "usr/lib/*/*.a",
    "etc/alternatives/*.gz", "var/lib/dpkg/info/**",
};

constexpr std::string_view kPruneKeep[] = {
    "usr/share/doc/*/copyright",
    "usr/share/locale/locale.alias",
    "usr/share/zoneinfo/UTC",
    "usr/share/zoneinfo/UCT",
    "usr/share/zoneinfo/Etc/UTC",
    "usr/share/zoneinfo/Etc/UCT",
    "usr/share/zoneinfo/right/UTC",
    "usr/share/zoneinfo/right/Etc/UTC",
    "usr/share/zoneinfo/leap-seconds.list",
    "usr/lib/*/gconv/gconv-modules",
    "usr/lib/*/gconv/gconv-modules.d/*",
    "usr/lib/*/gconv/UTF-16.so",
    "usr/lib/*/gconv/UTF-32.so",
    "usr/lib/*/gconv/ISO8859-1.so",
};

template <class Range>
bool MatchesAny(const Range& globs, std::string_view path) {
  return std::ranges::any_of(globs, [&](const auto& glob) { return MatchesGlob(glob, path); });
}

// The folders that a glob names before its first wildcard.
std::string_view FixedHead(std::string_view glob) {
  const std::string_view head = glob.substr(0, glob.find_first_of("*?"));
  return head.substr(0, head.rfind('/') == std::string_view::npos ? 0 : head.rfind('/'));
}

// Paths that match a glob, found without looking at the whole tree.
std::vector<std::string> Matching(const Tree& tree, std::string_view glob) {
  std::vector<std::string> found;
  const std::string_view head = FixedHead(glob);
  for (auto at = tree.nodes().lower_bound(head);
       at != tree.nodes().end() && at->first.starts_with(head); ++at) {
    if (!at->first.empty() && MatchesGlob(glob, at->first)) found.push_back(at->first);
  }
  return found;
}

}  // namespace

std::vector<std::string> DefaultPruneRemove() {
  return {std::begin(kPruneRemove), std::end(kPruneRemove)};
}

std::vector<std::string> DefaultPruneKeep() {
  return {std::begin(kPruneKeep), std::end(kPruneKeep)};
}

Result<> RemoveSecrets(RuleContext& context) {
  for (const std::string_view glob : kSecrets) {
    for (const std::string& path : Matching(context.tree(), glob)) {
      if (context.Remove(path)) context.Note(fmt::format("secret removed: /{}", path));
    }
  }
  // An id of the bus's own would be an id of the machine.
  const Node* bus = context.tree().Find("var/lib/dbus/machine-id");
  if (bus != nullptr && bus->type == NodeType::kFile) {
    INRO_TRY(context.Put("var/lib/dbus/machine-id", MakeSymlink("/etc/machine-id")));
    context.Note("secret removed: /var/lib/dbus/machine-id");
  }
  return {};
}

Result<> EmptyVolatile(RuleContext& context) {
  for (const std::string_view folder : kEmptied) {
    const Node* node = context.tree().Find(folder);
    if (node == nullptr || node->type != NodeType::kDirectory) continue;
    for (const auto& [name, child] : context.tree().Children(folder)) {
      const std::string path = fmt::format("{}/{}", folder, name);
      if (path == "dev/console" || path == "dev/null") continue;
      context.Remove(path);
    }
  }
  for (const std::string_view glob : kRunFiles) {
    for (const std::string& path : Matching(context.tree(), glob)) {
      const Node* node = context.tree().Find(path);
      if (node != nullptr && node->type == NodeType::kFile) context.Remove(path);
    }
  }
  return {};
}

Result<> ApplyPrune(RuleContext& context) {
  if (!context.options().prune) return {};
  const FinishOptions& options = context.options();
  const bool own = !options.prune_remove.empty();
  const std::vector<std::string> remove = own ? options.prune_remove : DefaultPruneRemove();
  std::vector<std::string> keep = own ? std::vector<std::string>() : DefaultPruneKeep();
  keep.insert(keep.end(), options.prune_keep.begin(), options.prune_keep.end());
  for (const std::string& glob : remove) {
    // Children sort behind their folder: going backwards, a folder goes only when nothing is left.
    std::vector<std::string> paths = Matching(context.tree(), glob);
    for (auto path = paths.rbegin(); path != paths.rend(); ++path) {
      const Node* node = context.tree().Find(*path);
      if (node == nullptr || MatchesAny(keep, *path)) continue;
      if (node->type == NodeType::kDirectory) {
        const std::string prefix = *path + "/";
        const auto child = context.tree().nodes().lower_bound(prefix);
        if (child != context.tree().nodes().end() && child->first.starts_with(prefix)) continue;
      }
      context.Remove(*path);
    }
  }
  return {};
}

Result<> ClearSetIdBits(RuleContext& context) {
  if (!context.options().prune || !context.options().users.empty()) return {};
  std::vector<std::string> paths;
  for (const auto& [path, node] : context.tree().nodes()) {
    if (node.type == NodeType::kFile && (node.mode & 06000) != 0) paths.push_back(path);
  }
  for (const std::string& path : paths) {
    INRO_TRY(context.SetMode(path, context.tree().Find(path)->mode & 01777));
  }
  return {};
}

Result<> ShareCopyrights(RuleContext& context) {
  if (!context.options().prune) return {};
  std::map<std::string_view, std::string> first;
  for (const std::string& path : Matching(context.tree(), "usr/share/doc/*/copyright")) {
    const Node* node = context.tree().Find(path);
    if (node->type != NodeType::kFile || node->content.size() == 0) continue;
    const auto [at, is_first] = first.emplace(node->content.view(), path);
    if (is_first) continue;
    // "usr/share/doc/NAME/copyright" -> "../NAME/copyright"
    const std::string target = ".." + at->second.substr(std::string_view("usr/share/doc").size());
    INRO_TRY(context.Put(path, MakeSymlink(target)));
  }
  return {};
}

}  // namespace inro::image
