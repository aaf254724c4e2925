// The tree's account files as one value: /etc/passwd, group, shadow and gshadow (passwd(5),
// group(5), shadow(5), gshadow(5)).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "image/tree/tree.h"

namespace inro::image {

// The day of the last password change in /etc/shadow: fixed, so that a tree does not depend on when
// it was made. Not 0, which would ask for a new password.
inline constexpr unsigned kShadowDay = 20089;  // 2025-01-01

struct UserEntry {
  std::string name;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string comment;
  std::string home;
  std::string shell;
};

struct GroupEntry {
  std::string name;
  std::uint32_t gid = 0;
  std::vector<std::string> members;
};

// How an account without a usable password is written in /etc/shadow and gshadow. All mean locked.
enum class LockStyle {
  kMaster,    // "*", with ageing: as `shadowconfig on` leaves base-passwd's accounts
  kAdduser,   // "!"
  kSysusers,  // "!*"
};

class Accounts {
 public:
  // Reads what is there; absent files count as empty, lines that are none are an error.
  static Result<Accounts> Load(const Tree& tree);
  // From texts in the format of passwd(5) and group(5).
  static Result<Accounts> Parse(std::string_view passwd, std::string_view group,
                                std::string_view shadow, std::string_view gshadow);

  const std::vector<UserEntry>& users() const { return users_; }
  const std::vector<GroupEntry>& groups() const { return groups_; }
  const UserEntry* FindUser(std::string_view name) const;
  const GroupEntry* FindGroup(std::string_view name) const;
  bool UidInUse(std::uint32_t uid) const;
  bool GidInUse(std::uint32_t gid) const;
  // The first free id from `first` in steps of +1 or -1 up to `last`, free as uid and as gid.
  Result<std::uint32_t> FreeId(std::uint32_t first, std::uint32_t last) const;
  // The first free user id, whatever the groups are; the first free group id.
  Result<std::uint32_t> FreeUid(std::uint32_t first, std::uint32_t last) const;
  Result<std::uint32_t> FreeGid(std::uint32_t first, std::uint32_t last) const;

  // An error when the name is taken or holds what the files cannot carry. A user's id may be
  // shared.
  Result<> AddUser(UserEntry entry, LockStyle style);
  Result<> AddGroup(GroupEntry entry, LockStyle style);
  // Nothing happens when it is a member already; an error when the group is absent.
  Result<> AddMember(std::string_view group, std::string_view user);

  // The texts of the four files, an entry a line.
  std::string PasswdText() const;
  std::string GroupText() const;
  std::string ShadowText() const;
  std::string GshadowText() const;

 private:
  struct Secret {
    std::string name;
    std::string rest;  // everything after "NAME:"
  };
  std::vector<UserEntry> users_;
  std::vector<GroupEntry> groups_;
  std::vector<Secret> shadow_;
  std::vector<Secret> gshadow_;
};

}  // namespace inro::image
