#include "image/finish/accounts.h"

#include <algorithm>
#include <charconv>

#include "image/finish/text_lines.h"

namespace inro::image {
namespace {

std::optional<std::uint32_t> ParseId(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool Storable(std::string_view field) { return field.find_first_of(":\n") == std::string::npos; }

std::string ShadowFields(LockStyle style) {
  switch (style) {
    case LockStyle::kMaster:
      return fmt::format("*:{}:0:99999:7:::", kShadowDay);
    case LockStyle::kAdduser:
      return fmt::format("!:{}::::::", kShadowDay);
    case LockStyle::kSysusers:
      break;
  }
  return fmt::format("!*:{}::::::", kShadowDay);
}

std::string_view GshadowLock(LockStyle style) {
  switch (style) {
    case LockStyle::kMaster:
      return "*";
    case LockStyle::kAdduser:
      return "!";
    case LockStyle::kSysusers:
      break;
  }
  return "!*";
}

std::string TextOf(const Tree& tree, std::string_view path) {
  const auto text = tree.ReadFile(path);
  return text ? std::string(*text) : std::string();
}

}  // namespace

Result<Accounts> Accounts::Load(const Tree& tree) {
  return Parse(TextOf(tree, "etc/passwd"), TextOf(tree, "etc/group"), TextOf(tree, "etc/shadow"),
               TextOf(tree, "etc/gshadow"));
}

Result<Accounts> Accounts::Parse(std::string_view passwd, std::string_view group,
                                 std::string_view shadow, std::string_view gshadow) {
  Accounts accounts;
  for (const std::string_view line : SplitLines(passwd)) {
    if (line.empty() || line.starts_with('#')) continue;
    const auto fields = SplitFields(line, ':');
    if (fields.size() != 7 || fields[0].empty()) return Fail("no line of a passwd file: {}", line);
    const auto uid = ParseId(fields[2]);
    const auto gid = ParseId(fields[3]);
    if (!uid || !gid) return Fail("no ids in the passwd line: {}", line);
    accounts.users_.push_back({std::string(fields[0]), *uid, *gid, std::string(fields[4]),
                               std::string(fields[5]), std::string(fields[6])});
  }
  for (const std::string_view line : SplitLines(group)) {
    if (line.empty() || line.starts_with('#')) continue;
    const auto fields = SplitFields(line, ':');
    if (fields.size() != 4 || fields[0].empty()) return Fail("no line of a group file: {}", line);
    const auto gid = ParseId(fields[2]);
    if (!gid) return Fail("no id in the group line: {}", line);
    GroupEntry entry{std::string(fields[0]), *gid, {}};
    for (const std::string_view member : SplitFields(fields[3], ',')) {
      if (!member.empty()) entry.members.emplace_back(member);
    }
    accounts.groups_.push_back(std::move(entry));
  }
  const auto read_secrets = [](std::string_view text, std::vector<Secret>& into) {
    for (const std::string_view line : SplitLines(text)) {
      const std::size_t colon = line.find(':');
      if (colon == std::string_view::npos) continue;
      into.push_back({std::string(line.substr(0, colon)), std::string(line.substr(colon + 1))});
    }
  };
  read_secrets(shadow, accounts.shadow_);
  read_secrets(gshadow, accounts.gshadow_);
  // An entry without its secret line gets a locked one.
  const auto has = [](const std::vector<Secret>& secrets, std::string_view name) {
    return std::ranges::any_of(secrets, [&](const Secret& secret) { return secret.name == name; });
  };
  for (const UserEntry& user : accounts.users_) {
    if (!has(accounts.shadow_, user.name)) {
      accounts.shadow_.push_back({user.name, ShadowFields(LockStyle::kMaster)});
    }
  }
  for (const GroupEntry& entry : accounts.groups_) {
    if (!has(accounts.gshadow_, entry.name)) {
      accounts.gshadow_.push_back(
          {entry.name, fmt::format("*::{}", fmt::join(entry.members, ","))});
    }
  }
  return accounts;
}

const UserEntry* Accounts::FindUser(std::string_view name) const {
  const auto at = std::ranges::find(users_, name, &UserEntry::name);
  return at == users_.end() ? nullptr : &*at;
}

const GroupEntry* Accounts::FindGroup(std::string_view name) const {
  const auto at = std::ranges::find(groups_, name, &GroupEntry::name);
  return at == groups_.end() ? nullptr : &*at;
}

bool Accounts::UidInUse(std::uint32_t uid) const {
  return std::ranges::find(users_, uid, &UserEntry::uid) != users_.end();
}

bool Accounts::GidInUse(std::uint32_t gid) const {
  return std::ranges::find(groups_, gid, &GroupEntry::gid) != groups_.end();
}

namespace {

template <class Free>
Result<std::uint32_t> FirstFree(std::uint32_t first, std::uint32_t last, Free is_free) {
  for (std::uint32_t id = first;; id = first < last ? id + 1 : id - 1) {
    if (is_free(id)) return id;
    if (id == last) return Fail("no free id between {} and {}", first, last);
  }
}

}  // namespace

Result<std::uint32_t> Accounts::FreeId(std::uint32_t first, std::uint32_t last) const {
  return FirstFree(first, last, [&](std::uint32_t id) { return !UidInUse(id) && !GidInUse(id); });
}

Result<std::uint32_t> Accounts::FreeUid(std::uint32_t first, std::uint32_t last) const {
  return FirstFree(first, last, [&](std::uint32_t id) { return !UidInUse(id); });
}

Result<std::uint32_t> Accounts::FreeGid(std::uint32_t first, std::uint32_t last) const {
  return FirstFree(first, last, [&](std::uint32_t id) { return !GidInUse(id); });
}

Result<> Accounts::AddUser(UserEntry entry, LockStyle style) {
  if (FindUser(entry.name) != nullptr) return Fail("the user {} exists already", entry.name);
  if (entry.name.empty() || !Storable(entry.name) || !Storable(entry.comment) ||
      !Storable(entry.home) || !Storable(entry.shell)) {
    return Fail("the user {} has a field that /etc/passwd cannot hold", entry.name);
  }
  shadow_.push_back({entry.name, ShadowFields(style)});
  users_.push_back(std::move(entry));
  return {};
}

Result<> Accounts::AddGroup(GroupEntry entry, LockStyle style) {
  if (FindGroup(entry.name) != nullptr) return Fail("the group {} exists already", entry.name);
  if (entry.name.empty() || !Storable(entry.name)) {
    return Fail("the group name {} cannot stand in /etc/group", entry.name);
  }
  gshadow_.push_back(
      {entry.name, fmt::format("{}::{}", GshadowLock(style), fmt::join(entry.members, ","))});
  groups_.push_back(std::move(entry));
  return {};
}

Result<> Accounts::AddMember(std::string_view group, std::string_view user) {
  const auto at = std::ranges::find(groups_, group, &GroupEntry::name);
  if (at == groups_.end()) return Fail("the group {} does not exist", group);
  if (std::ranges::find(at->members, user) != at->members.end()) return {};
  at->members.emplace_back(user);
  const auto secret = std::ranges::find(gshadow_, group, &Secret::name);
  if (secret != gshadow_.end()) {
    secret->rest += secret->rest.ends_with(':') ? "" : ",";
    secret->rest += user;
  }
  return {};
}

std::string Accounts::PasswdText() const {
  std::string text;
  for (const UserEntry& user : users_) {
    text += fmt::format("{}:x:{}:{}:{}:{}:{}\n", user.name, user.uid, user.gid, user.comment,
                        user.home, user.shell);
  }
  return text;
}

std::string Accounts::GroupText() const {
  std::string text;
  for (const GroupEntry& group : groups_) {
    text += fmt::format("{}:x:{}:{}\n", group.name, group.gid, fmt::join(group.members, ","));
  }
  return text;
}

std::string Accounts::ShadowText() const {
  std::string text;
  for (const Secret& secret : shadow_) text += fmt::format("{}:{}\n", secret.name, secret.rest);
  return text;
}

std::string Accounts::GshadowText() const {
  std::string text;
  for (const Secret& secret : gshadow_) text += fmt::format("{}:{}\n", secret.name, secret.rest);
  return text;
}

}  // namespace inro::image
