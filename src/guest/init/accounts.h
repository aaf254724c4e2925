// Users and groups from /etc/passwd and /etc/group (passwd(5), group(5)), read directly: a static
// program must not load what the C library would.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sys/file_source.h"

namespace inro::guest {

struct Account {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::string home = "/";
  std::string shell;
};

class Accounts {
 public:
  explicit Accounts(const sys::FileSource& files, std::string passwd = "/etc/passwd",
                    std::string group = "/etc/group")
      : files_(files), passwd_(std::move(passwd)), group_(std::move(group)) {}

  // By name or number. A number without an entry is an account of its own with that group.
  Result<Account> FindUser(std::string_view name) const;
  Result<gid_t> FindGroup(std::string_view name) const;
  // The groups that list the user as a member, and its primary group first.
  std::vector<gid_t> GroupsOf(const Account& account) const;
  // True when an account has the number.
  bool HasUid(uid_t uid) const;

 private:
  const sys::FileSource& files_;
  std::string passwd_;
  std::string group_;
};

// Who a unit's processes are (User=, Group=, SupplementaryGroups=, DynamicUser=).
struct Identity {
  bool set = false;    // some of these is given
  bool named = false;  // User= or DynamicUser=: $USER and its kin are set
  bool dynamic = false;
  Account account;
  gid_t gid = 0;
  std::vector<gid_t> groups;
};

// The numbers that systemd keeps for dynamic users.
inline constexpr uid_t kFirstDynamicUid = 61184;
inline constexpr uid_t kLastDynamicUid = 65519;

// Gives a dynamic user its number: always the same for a name, unless `taken` says that it is
// somebody else's. nullopt: all are taken.
std::optional<uid_t> ChooseDynamicUid(std::string_view name,
                                      const std::function<bool(uid_t)>& taken);

// The name of a unit's dynamic user when User= gives none: the unit's, where that can be one.
std::string DynamicUserName(std::string_view unit);

}  // namespace inro::guest
