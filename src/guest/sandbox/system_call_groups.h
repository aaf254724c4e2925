// The named groups of system calls: @system-service, @mount, ...
#pragma once

#include <optional>
#include <string_view>

namespace inro::guest::sandbox {

// The members of "@NAME", separated by spaces: names of calls, and further groups. nullopt: there
// is no such group. "@known" is not in here: it is every call of system_call_table.h.
std::optional<std::string_view> MembersOfGroup(std::string_view group);

}  // namespace inro::guest::sandbox
