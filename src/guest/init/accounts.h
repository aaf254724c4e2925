// Users and groups from /etc/passwd and /etc/group (passwd(5), group(5)), read directly: a static
// program must not load what the C library would.
#pragma once

#include <sys/types.h>

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

 private:
  const sys::FileSource& files_;
  std::string passwd_;
  std::string group_;
};

}  // namespace inro::guest
