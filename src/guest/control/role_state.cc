#include "guest/control/role_state.h"

#include "sys/file.h"

namespace inro::guest::control {
namespace {

constexpr std::size_t kLimit = 1 << 20;

}  // namespace

Result<std::string> ReadRoleState(std::string_view role, std::string_view folder) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789-";
  if (role.empty() || role.size() > 64 || role.find_first_not_of(kLetters) != role.npos) {
    return FailAs(ErrorKind::kBadInput, "'{}' is no name of a role", role);
  }
  return sys::ReadFile(fmt::format("{}/{}.json", folder, role), kLimit);
}

}  // namespace inro::guest::control
