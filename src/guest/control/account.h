// The user that a program runs as, from /etc/passwd and /etc/group read directly: a static program
// must not load what the C library would.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sys/file_source.h"

namespace inro::guest::control {

struct Account {
  std::string name;  // empty when a number has no entry
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // supplementary ones, the primary included
  std::string home = "/";
  std::string shell;
};

// `user`: a name or number, then ":GROUP" (name or number) perhaps; empty: root. A number needs no
// entry; a name does.
Result<Account> FindAccount(std::string_view user, const sys::FileSource& files);

}  // namespace inro::guest::control
