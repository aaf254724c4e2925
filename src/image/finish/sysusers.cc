#include "image/finish/sysusers.h"

#include <charconv>

#include "image/finish/text_lines.h"

namespace inro::image {
namespace {

constexpr std::uint32_t kFirstId = 999;
constexpr std::uint32_t kLastId = 1;

std::optional<std::uint32_t> Number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view Given(std::string_view field) { return field == "-" ? "" : field; }

Result<> EnsureGroup(Accounts& accounts, std::string_view name, std::optional<std::uint32_t> gid) {
  if (accounts.FindGroup(name) != nullptr) return {};
  if (!gid || accounts.GidInUse(*gid)) {
    INRO_ASSIGN(gid, accounts.FreeId(kFirstId, kLastId));
  }
  return accounts.AddGroup({std::string(name), *gid, {}}, LockStyle::kSysusers);
}

Result<> EnsureUser(Accounts& accounts, const SysusersLine& line) {
  if (accounts.FindUser(line.name) != nullptr) return {};
  const std::string_view id = Given(line.id);
  const std::size_t colon = id.find(':');
  const std::string_view uid_text = Given(id.substr(0, colon));
  std::optional<std::uint32_t> uid = Number(uid_text);
  if (!uid && !uid_text.empty()) return Fail("{}: no user id: {}", line.where, uid_text);
  std::uint32_t gid = 0;
  if (colon != std::string_view::npos) {
    const std::string_view group = id.substr(colon + 1);
    if (const auto number = Number(group)) {
      gid = *number;
    } else {
      INRO_TRY(EnsureGroup(accounts, group, std::nullopt));
      gid = accounts.FindGroup(group)->gid;
    }
    if (!uid) {
      INRO_ASSIGN(uid, accounts.FreeUid(kFirstId, kLastId));
    }
  } else {
    // User and group share the name and, when it is free, the id.
    if (!uid) {
      if (const GroupEntry* group = accounts.FindGroup(line.name);
          group != nullptr && !accounts.UidInUse(group->gid)) {
        uid = group->gid;
      } else {
        INRO_ASSIGN(uid, accounts.FreeId(kFirstId, kLastId));
      }
    }
    INRO_TRY(EnsureGroup(accounts, line.name, uid));
    gid = accounts.FindGroup(line.name)->gid;
  }
  const std::string_view home = Given(line.home);
  const std::string_view shell = Given(line.shell);
  UserEntry entry{line.name,
                  *uid,
                  gid,
                  std::string(Given(line.comment)),
                  home.empty() ? "/" : std::string(home),
                  shell.empty() ? "/usr/sbin/nologin" : std::string(shell)};
  if (*uid == 0 && shell.empty()) entry.shell = "/bin/sh";
  return accounts.AddUser(std::move(entry), LockStyle::kSysusers);
}

}  // namespace

Result<std::vector<SysusersLine>> ParseSysusers(std::string_view text, std::string_view file) {
  std::vector<SysusersLine> lines;
  int number = 0;
  for (const std::string_view raw : SplitLines(text)) {
    ++number;
    const std::string_view trimmed = TrimBlanks(raw);
    if (trimmed.empty() || trimmed.starts_with('#')) continue;
    std::vector<std::string> words = SplitWords(trimmed);
    words.resize(6, "-");
    SysusersLine line;
    line.where = fmt::format("{}:{}", file, number);
    line.type = words[0].empty() ? '\0' : words[0][0];
    // "u!" makes a locked account: ours are all locked.
    const bool known = words[0].size() == 1 || words[0] == "u!";
    if (!known || std::string_view("ugmr").find(line.type) == std::string_view::npos) {
      return Fail("{}: unknown sysusers line type {}", line.where, words[0]);
    }
    line.name = words[1];
    line.id = words[2];
    line.comment = words[3];
    line.home = words[4];
    line.shell = words[5];
    for (const std::string& word : words) {
      if (word.find('%') != std::string::npos) {
        return Fail("{}: specifiers are not supported: {}", line.where, word);
      }
    }
    if (line.id.starts_with('/')) {
      return Fail("{}: ids taken from a file are not supported: {}", line.where, line.id);
    }
    if (line.type != 'r' && (line.name == "-" || line.name.empty())) {
      return Fail("{}: the name is missing", line.where);
    }
    if (line.type == 'm' && (line.id == "-" || line.id.empty())) {
      return Fail("{}: the group is missing", line.where);
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

Result<> ApplySysusers(const std::vector<SysusersLine>& lines, Accounts& accounts) {
  const auto has_number = [](const SysusersLine& line) {
    return Number(std::string_view(line.id).substr(0, line.id.find(':'))).has_value();
  };
  for (const bool numbered : {true, false}) {
    for (const SysusersLine& line : lines) {
      if (line.type != 'g' || has_number(line) != numbered) continue;
      INRO_TRY(EnsureGroup(accounts, line.name, Number(line.id)));
    }
    for (const SysusersLine& line : lines) {
      if (line.type != 'u' || has_number(line) != numbered) continue;
      INRO_TRY(EnsureUser(accounts, line));
    }
  }
  for (const SysusersLine& line : lines) {
    if (line.type != 'm') continue;
    // Both are made when they are missing, as systemd-sysusers does.
    INRO_TRY(EnsureGroup(accounts, line.id, std::nullopt));
    SysusersLine user = line;
    user.id = "-";
    INRO_TRY(EnsureUser(accounts, user));
    INRO_TRY(accounts.AddMember(line.id, line.name));
  }
  return {};
}

}  // namespace inro::image
