#include "image/finish/account_rules.h"

#include <algorithm>
#include <array>

#include "image/finish/accounts.h"
#include "image/finish/sysusers.h"

namespace inro::image {
namespace {

constexpr std::uint32_t kNoGroup = 65534;
constexpr std::string_view kNologin = "/usr/sbin/nologin";

constexpr DeclaredAccount kDeclared[] = {
    {"chrony", "_chrony", "_chrony", "Chrony daemon,,,", "/var/lib/chrony", kNologin},
    {"redis-tools", "redis", "redis", "", "/var/lib/redis", kNologin},
    {"dbus-system-bus-common", "messagebus", "messagebus", "", "/nonexistent", kNologin},
    {"openssh-server", "sshd", "", "", "/run/sshd", kNologin},
    {"openssh-client", "", "_ssh", "", "", ""},
    {"cron-daemon-common", "", "crontab", "", "", ""},
    {"udev", "", "input", "", "", ""},
    {"udev", "", "sgx", "", "", ""},
    {"udev", "", "kvm", "", "", ""},
    {"udev", "", "render", "", "", ""},
    {"tcpdump", "tcpdump", "tcpdump", "", "/nonexistent", kNologin},
    {"uuid-runtime", "uuidd", "uuidd", "", "/run/uuidd", kNologin},
    {"polkitd", "polkitd", "polkitd", "polkit", "/nonexistent", kNologin},
    {"rpcbind", "_rpc", "", "", "/run/rpcbind", kNologin},
    {"nfs-common", "statd", "", "", "/var/lib/nfs", kNologin},
    {"dnsmasq", "dnsmasq", "", "", "/var/lib/misc", kNologin},
    {"memcached", "memcache", "memcache", "", "/nonexistent", "/bin/false"},
};

// What a tree without base-passwd and without systemd's basic.conf still needs: Debian's static
// ids.
constexpr std::string_view kMinimalPasswd =
    "root:x:0:0:root:/root:/bin/bash\n"
    "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
    "bin:x:2:2:bin:/bin:/usr/sbin/nologin\n"
    "sys:x:3:3:sys:/dev:/usr/sbin/nologin\n"
    "mail:x:8:8:mail:/var/mail:/usr/sbin/nologin\n"
    "www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
constexpr std::string_view kMinimalGroup =
    "root:x:0:\ndaemon:x:1:\nbin:x:2:\nsys:x:3:\nadm:x:4:\ntty:x:5:\ndisk:x:6:\nlp:x:7:\nmail:x:8:"
    "\n"
    "kmem:x:15:\ndialout:x:20:\ncdrom:x:24:\ntape:x:26:\nsudo:x:27:\naudio:x:29:\nwww-data:x:33:\n"
    "shadow:x:42:\nutmp:x:43:\nvideo:x:44:\nplugdev:x:46:\nstaff:x:50:\ngames:x:60:\nusers:x:100:\n"
    "nogroup:x:65534:\n";

Result<> Store(RuleContext& context, const Accounts& accounts) {
  const GroupEntry* shadow = accounts.FindGroup("shadow");
  const std::uint32_t shadow_gid = shadow == nullptr ? 0 : shadow->gid;
  const struct {
    std::string_view path;
    std::string text;
    std::uint32_t mode;
    std::uint32_t gid;
  } files[] = {{"etc/passwd", accounts.PasswdText(), 0644, 0},
               {"etc/group", accounts.GroupText(), 0644, 0},
               {"etc/shadow", accounts.ShadowText(), 0640, shadow_gid},
               {"etc/gshadow", accounts.GshadowText(), 0640, shadow_gid}};
  for (const auto& file : files) {
    const Node* old = context.tree().Find(file.path);
    if (old != nullptr && old->content.view() == file.text) continue;
    Node node = MakeFile(file.text, file.mode);
    node.gid = file.gid;
    INRO_TRY(context.Put(file.path, std::move(node)));
  }
  return {};
}

}  // namespace

std::span<const DeclaredAccount> DeclaredAccounts() { return kDeclared; }

Result<> ApplyMasterAccounts(RuleContext& context) {
  const Tree& tree = context.tree();
  const auto text_of = [&](std::string_view path, std::string_view master,
                           std::string_view minimal) -> std::string {
    for (const std::string_view candidate : {path, master}) {
      if (const auto text = tree.ReadFile(candidate)) return std::string(*text);
    }
    return std::string(minimal);
  };
  const bool basic = tree.Contains("usr/lib/sysusers.d/basic.conf");
  const std::string passwd =
      text_of("etc/passwd", "usr/share/base-passwd/passwd.master", basic ? "" : kMinimalPasswd);
  const std::string group =
      text_of("etc/group", "usr/share/base-passwd/group.master", basic ? "" : kMinimalGroup);
  const auto shadow = tree.ReadFile("etc/shadow");
  const auto gshadow = tree.ReadFile("etc/gshadow");
  INRO_ASSIGN(const Accounts accounts,
              Accounts::Parse(passwd, group, shadow ? *shadow : "", gshadow ? *gshadow : ""));
  return Store(context, accounts);
}

Result<> ApplySysusersFiles(RuleContext& context) {
  // A file in /etc replaces one of the same name in /usr/lib.
  std::map<std::string, std::string> files;
  for (const std::string_view folder : {"usr/lib/sysusers.d", "etc/sysusers.d"}) {
    for (const auto& [name, node] : context.tree().Children(folder)) {
      if (name.ends_with(".conf")) files[name] = fmt::format("{}/{}", folder, name);
    }
  }
  std::vector<SysusersLine> lines;
  for (const auto& [name, path] : files) {
    const auto text = context.tree().ReadFile(path);
    if (!text) continue;  // a link to /dev/null masks the file
    INRO_ASSIGN(auto more, ParseSysusers(*text, path));
    lines.insert(lines.end(), more.begin(), more.end());
  }
  INRO_ASSIGN(Accounts accounts, Accounts::Load(context.tree()));
  INRO_TRY(ApplySysusers(lines, accounts));
  return Store(context, accounts);
}

Result<> ApplyDeclaredAccounts(RuleContext& context) {
  INRO_ASSIGN(Accounts accounts, Accounts::Load(context.tree()));
  for (const DeclaredAccount& row : kDeclared) {
    if (!context.HasPackage(row.package)) continue;
    std::uint32_t gid = kNoGroup;
    if (!row.group.empty()) {
      if (accounts.FindGroup(row.group) == nullptr) {
        INRO_ASSIGN(const std::uint32_t free, accounts.FreeGid(100, 999));
        INRO_TRY(accounts.AddGroup({std::string(row.group), free, {}}, LockStyle::kAdduser));
      }
      gid = accounts.FindGroup(row.group)->gid;
    }
    if (row.user.empty() || accounts.FindUser(row.user) != nullptr) continue;
    INRO_ASSIGN(const std::uint32_t uid, accounts.FreeUid(100, 999));
    INRO_TRY(accounts.AddUser({std::string(row.user), uid, gid, std::string(row.comment),
                               std::string(row.home), std::string(row.shell)},
                              LockStyle::kAdduser));
  }
  return Store(context, accounts);
}

Result<> ApplyGuestUsers(RuleContext& context) {
  if (context.options().users.empty()) return {};
  INRO_ASSIGN(Accounts accounts, Accounts::Load(context.tree()));
  for (const GuestUser& user : context.options().users) {
    const std::uint32_t first = user.system ? 100 : 1000;
    const std::uint32_t last = user.system ? 999 : 59999;
    if (accounts.FindUser(user.name) != nullptr) {
      return FailAs(ErrorKind::kBadInput, "user {}: the tree has a user of this name already",
                    user.name);
    }
    if (user.uid && accounts.UidInUse(*user.uid)) {
      return FailAs(ErrorKind::kBadInput, "user {}: the user id {} is in use", user.name,
                    *user.uid);
    }
    std::uint32_t uid = user.uid.value_or(0);
    if (!user.uid) {
      INRO_ASSIGN(uid, accounts.FreeId(first, last));
    }
    std::uint32_t gid = user.gid.value_or(uid);
    if (const GroupEntry* own = accounts.FindGroup(user.name); own != nullptr && !user.gid) {
      gid = own->gid;
    } else if (!user.gid || !accounts.GidInUse(*user.gid)) {
      if (accounts.GidInUse(gid)) {
        INRO_ASSIGN(gid, accounts.FreeGid(first, last));
      }
      INRO_TRY(accounts.AddGroup({user.name, gid, {}}, LockStyle::kAdduser));
    }
    const bool bash = context.tree().Resolve("bin/bash").has_value();
    const std::string home = !user.home.empty() ? user.home
                             : user.system      ? "/nonexistent"
                                                : "/home/" + user.name;
    const std::string shell = !user.shell.empty() ? user.shell
                              : user.system       ? std::string(kNologin)
                              : bash              ? "/bin/bash"
                                                  : "/bin/sh";
    INRO_TRY(
        accounts.AddUser({user.name, uid, gid, user.comment, home, shell}, LockStyle::kAdduser));
    if (home == "/nonexistent" || home == "/") continue;
    const std::string folder = home.substr(1);
    if (context.tree().Resolve(folder)) continue;
    INRO_TRY(context.PutDirectory(folder, user.system ? 0750 : 0700, uid, gid));
    if (user.system) continue;
    for (const auto& [name, node] : context.tree().Children("etc/skel")) {
      Node copy = *node;
      copy.uid = uid;
      copy.gid = gid;
      INRO_TRY(context.PutIfAbsent(folder + "/" + name, std::move(copy)));
    }
  }
  // After all users: a group may be another user's own, with the number of that user.
  for (const GuestUser& user : context.options().users) {
    for (const std::string& group : user.groups) {
      if (accounts.FindGroup(group) == nullptr) {
        INRO_ASSIGN(const std::uint32_t free, accounts.FreeGid(100, 999));
        INRO_TRY(accounts.AddGroup({group, free, {}}, LockStyle::kAdduser));
      }
      INRO_TRY(accounts.AddMember(group, user.name));
    }
  }
  return Store(context, accounts);
}

Result<> ApplySubordinateIds(RuleContext& context) {
  bool made = false;
  for (const std::string_view package : {"login", "login.defs", "passwd"}) {
    made = made || context.HasPackage(package);
  }
  for (const MaintainerScript& script : context.source().scripts) {
    made = made || (script.package == "base-passwd" && script.text.contains("/etc/subuid"));
  }
  if (!made) return {};
  for (const std::string_view path : {"etc/subuid", "etc/subgid"}) {
    INRO_TRY(context.PutIfAbsent(path, MakeFile("", 0644)));
  }
  return {};
}

Result<std::uint32_t> LookUpUser(const Tree& tree, std::string_view name) {
  if (!name.empty() && name.find_first_not_of("0123456789") == std::string_view::npos) {
    return static_cast<std::uint32_t>(std::strtoul(std::string(name).c_str(), nullptr, 10));
  }
  INRO_ASSIGN(const Accounts accounts, Accounts::Load(tree));
  const UserEntry* user = accounts.FindUser(name);
  if (user == nullptr) return FailAs(ErrorKind::kNotFound, "no user {} in the tree", name);
  return user->uid;
}

Result<std::uint32_t> LookUpGroup(const Tree& tree, std::string_view name) {
  if (!name.empty() && name.find_first_not_of("0123456789") == std::string_view::npos) {
    return static_cast<std::uint32_t>(std::strtoul(std::string(name).c_str(), nullptr, 10));
  }
  INRO_ASSIGN(const Accounts accounts, Accounts::Load(tree));
  const GroupEntry* group = accounts.FindGroup(name);
  if (group == nullptr) return FailAs(ErrorKind::kNotFound, "no group {} in the tree", name);
  return group->gid;
}

}  // namespace inro::image
