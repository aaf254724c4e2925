// Rules about users and groups.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "image/finish/rule.h"

namespace inro::image {

// An account that a package's postinst makes with adduser or addgroup and that no sysusers.d file
// of the package declares.
struct DeclaredAccount {
  std::string_view package;
  std::string_view user;   // empty: a group only
  std::string_view group;  // of its own; empty: the user's group is nogroup
  std::string_view comment;
  std::string_view home;
  std::string_view shell;
};

std::span<const DeclaredAccount> DeclaredAccounts();

Result<> ApplyMasterAccounts(RuleContext& context);
Result<> ApplySysusersFiles(RuleContext& context);
Result<> ApplyDeclaredAccounts(RuleContext& context);
Result<> ApplyGuestUsers(RuleContext& context);
// Empty /etc/subuid and /etc/subgid: bookworm's login and passwd make them, trixie's base-passwd.
Result<> ApplySubordinateIds(RuleContext& context);

}  // namespace inro::image
