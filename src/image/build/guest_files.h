// What inro itself puts into every guest: its binary, unit files, and how PID 1 shall go on.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/definition/definition.h"
#include "image/tree/tree.h"

namespace inro::image {

// A unit file of a role, built into this program.
struct RoleUnit {
  std::string_view name;
  std::string_view text;
};
std::span<const RoleUnit> RoleUnits();

inline constexpr std::string_view kGuestBinary = "usr/bin/inro-guest";
inline constexpr std::string_view kBootConf = "usr/lib/inro/boot.conf";
inline constexpr std::string_view kDefaultTarget = "kata-containers.target";

// Adds inro-guest, the role units, boot.conf and the agent (inro's unit, or the user's binary and
// unit). `guest_binary` are the bytes of inro-guest.
Result<> AddGuestFiles(const Definition& definition, std::string_view init,
                       std::string_view guest_binary, Tree& tree);

// The text of boot.conf: KEY=VALUE lines that role `init` reads.
std::string BootConf(const Definition& definition, std::string_view init);

// The units that AddGuestFiles added and that are to be enabled.
std::vector<std::string> GuestUnitsToEnable(const Definition& definition);

}  // namespace inro::image
