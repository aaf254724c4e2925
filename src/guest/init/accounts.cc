#include "guest/init/accounts.h"

#include <algorithm>
#include <array>
#include <optional>

#include "unit/text.h"

namespace inro::guest {
namespace {

constexpr std::size_t kMaxFile = 1 << 20;

// The colon-separated fields of a line; as many as there are places.
template <std::size_t kCount>
std::size_t Split(std::string_view line, std::array<std::string_view, kCount>& fields) {
  std::size_t count = 0;
  while (count < kCount) {
    const std::size_t colon = count + 1 == kCount ? std::string_view::npos : line.find(':');
    fields[count++] = line.substr(0, colon);
    if (colon == std::string_view::npos) break;
    line.remove_prefix(colon + 1);
  }
  return count;
}

template <class F>
void ForEachLine(std::string_view text, F function) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (!function(text.substr(0, end))) return;
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

}  // namespace

Result<Account> Accounts::FindUser(std::string_view name) const {
  const auto number = unit::ParseNumber<uid_t>(name);
  const auto text = files_.Read(passwd_, kMaxFile);
  std::optional<Account> found;
  if (text) {
    ForEachLine(*text, [&](std::string_view line) {
      std::array<std::string_view, 7> fields;
      if (Split(line, fields) < 7) return true;
      const auto uid = unit::ParseNumber<uid_t>(fields[2]);
      const auto gid = unit::ParseNumber<gid_t>(fields[3]);
      if (!uid || !gid || (number ? *number != *uid : fields[0] != name)) return true;
      found = Account{std::string(fields[0]), *uid, *gid, std::string(fields[5]),
                      std::string(fields[6])};
      return false;
    });
  }
  if (found) return *found;
  if (number) return Account{std::string(name), *number, *number, "/", ""};
  if (name == "root") return Account{"root", 0, 0, "/root", "/bin/sh"};
  return FailAs(ErrorKind::kNotFound, "no user \"{}\" in {}", name, passwd_);
}

Result<gid_t> Accounts::FindGroup(std::string_view name) const {
  if (const auto number = unit::ParseNumber<gid_t>(name)) return *number;
  const auto text = files_.Read(group_, kMaxFile);
  std::optional<gid_t> found;
  if (text) {
    ForEachLine(*text, [&](std::string_view line) {
      std::array<std::string_view, 4> fields;
      if (Split(line, fields) < 3 || fields[0] != name) return true;
      found = unit::ParseNumber<gid_t>(fields[2]);
      return !found.has_value();
    });
  }
  if (found) return *found;
  if (name == "root") return gid_t{0};
  return FailAs(ErrorKind::kNotFound, "no group \"{}\" in {}", name, group_);
}

std::vector<gid_t> Accounts::GroupsOf(const Account& account) const {
  constexpr std::size_t kMaxGroups = 4096;
  std::vector<gid_t> groups{account.gid};
  const auto text = files_.Read(group_, kMaxFile);
  if (!text) return groups;
  ForEachLine(*text, [&](std::string_view line) {
    std::array<std::string_view, 4> fields;
    if (Split(line, fields) < 4) return true;
    const auto gid = unit::ParseNumber<gid_t>(fields[2]);
    std::string_view members = fields[3];
    while (gid && !members.empty()) {
      const std::size_t comma = members.find(',');
      if (members.substr(0, comma) == account.name && std::ranges::count(groups, *gid) == 0) {
        groups.push_back(*gid);
      }
      members.remove_prefix(comma == std::string_view::npos ? members.size() : comma + 1);
    }
    return groups.size() < kMaxGroups;
  });
  return groups;
}

bool Accounts::HasUid(uid_t uid) const {
  const auto text = files_.Read(passwd_, kMaxFile);
  bool found = false;
  if (!text) return found;
  ForEachLine(*text, [&](std::string_view line) {
    std::array<std::string_view, 4> fields;
    found = Split(line, fields) >= 4 && unit::ParseNumber<uid_t>(fields[2]) == uid;
    return !found;
  });
  return found;
}

namespace {

// FNV-1a: the same at every boot.
std::uint64_t HashOf(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return hash;
}

}  // namespace

std::optional<uid_t> ChooseDynamicUid(std::string_view name,
                                      const std::function<bool(uid_t)>& taken) {
  constexpr std::uint64_t kCount = kLastDynamicUid - kFirstDynamicUid + 1;
  const std::uint64_t first = HashOf(name) % kCount;
  for (std::uint64_t i = 0; i < kCount; ++i) {
    const auto uid = static_cast<uid_t>(kFirstDynamicUid + (first + i) % kCount);
    if (!taken(uid)) return uid;
  }
  return std::nullopt;
}

std::string DynamicUserName(std::string_view unit) {
  const std::string_view stem = unit.substr(0, unit.rfind('.'));
  constexpr std::size_t kMaxName = 31;
  const bool usable =
      !stem.empty() && stem.size() <= kMaxName && !unit::IsDigit(stem.front()) &&
      stem.front() != '-' &&
      std::ranges::all_of(stem, [](char c) { return unit::IsAlnum(c) || c == '_' || c == '-'; });
  return usable ? std::string(stem) : fmt::format("_du{:016x}", HashOf(unit));
}

}  // namespace inro::guest
