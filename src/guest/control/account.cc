#include "guest/control/account.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace inro::guest::control {
namespace {

constexpr std::size_t kFileLimit = 1 << 20;

std::optional<std::uint32_t> Number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return {};
  return value;
}

// Calls `take` with the fields of each line, until it returns true.
template <std::size_t N, class Take>
void EachLine(std::string_view text, Take take) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    std::array<std::string_view, N> fields;
    std::size_t count = 0;
    while (count < N) {
      const std::size_t colon = std::min(line.find(':'), line.size());
      fields[count++] = line.substr(0, colon);
      if (colon == line.size()) break;
      line.remove_prefix(colon + 1);
    }
    if (count == N && take(fields)) return;
  }
}

bool Lists(std::string_view members, std::string_view name) {
  while (!members.empty()) {
    const std::size_t comma = std::min(members.find(','), members.size());
    if (members.substr(0, comma) == name) return true;
    members.remove_prefix(std::min(comma + 1, members.size()));
  }
  return false;
}

}  // namespace

Result<Account> FindAccount(std::string_view user, const sys::FileSource& files) {
  const std::size_t colon = user.find(':');
  const std::string_view name = user.substr(0, colon);
  const std::string_view group =
      colon == std::string_view::npos ? std::string_view() : user.substr(colon + 1);
  Account account;
  const std::optional<std::uint32_t> number = name.empty() ? std::optional(0u) : Number(name);
  bool found = false;
  const std::string passwd = files.Read("/etc/passwd", kFileLimit).value_or("");
  EachLine<7>(passwd, [&](const auto& fields) {
    const auto uid = Number(fields[2]);
    const auto gid = Number(fields[3]);
    if (!uid || !gid || (number ? *uid != *number : fields[0] != name)) return false;
    account = {std::string(fields[0]), *uid, *gid, {}, std::string(fields[5]),
               std::string(fields[6])};
    return found = true;
  });
  if (!found && !number) return Fail("there is no user {}", name);
  if (!found) {
    account.uid = *number;
    account.gid = *number;
  }
  if (account.home.empty()) account.home = "/";
  const std::string groups = files.Read("/etc/group", kFileLimit).value_or("");
  bool group_found = group.empty();
  if (const auto gid = Number(group)) {
    account.gid = *gid;
    group_found = true;
  }
  EachLine<4>(groups, [&](const auto& fields) {
    const auto gid = Number(fields[2]);
    if (!gid) return false;
    if (!group_found && fields[0] == group) {
      account.gid = *gid;
      group_found = true;
    }
    if (!account.name.empty() && Lists(fields[3], account.name)) account.groups.push_back(*gid);
    return false;
  });
  if (!group_found) return Fail("there is no group {}", group);
  if (std::ranges::find(account.groups, account.gid) == account.groups.end()) {
    account.groups.insert(account.groups.begin(), account.gid);
  }
  return account;
}

}  // namespace inro::guest::control
