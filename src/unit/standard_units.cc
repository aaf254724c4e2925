#include "unit/standard_units.h"

namespace inro::unit {
namespace {

struct Row {
  std::string_view name;
  std::string_view requires_;  // required, and started before
  std::string_view description;
  bool default_dependencies = true;
};

constexpr Row kRows[] = {
    {"basic.target", "sysinit.target", "Basic system"},
    {"cryptsetup.target", "", "Encrypted volumes", false},
    {"emergency.target", "", "Emergency mode", false},
    {"exit.target", "", "Exit", false},
    {"final.target", "", "Late shutdown", false},
    {"getty.target", "", "Login prompts"},
    {"graphical.target", "multi-user.target", "Graphical interface"},
    {"halt.target", "", "Halt", false},
    {"initrd.target", "", "Initrd"},
    {"kata-containers.target", "basic.target", "Kata Containers agent and its services"},
    {"local-fs-pre.target", "", "Before local file systems", false},
    {"local-fs.target", "", "Local file systems", false},
    {"multi-user.target", "basic.target", "Multi-user system"},
    {"network-online.target", "", "Network is online"},
    {"network-pre.target", "", "Before network", false},
    {"network.target", "", "Network"},
    {"nss-lookup.target", "", "Host and network name lookups"},
    {"nss-user-lookup.target", "", "User and group name lookups"},
    {"paths.target", "", "Path units"},
    {"poweroff.target", "", "Power off", false},
    {"reboot.target", "", "Reboot", false},
    {"remote-fs-pre.target", "", "Before remote file systems", false},
    {"remote-fs.target", "", "Remote file systems"},
    {"rescue.target", "sysinit.target", "Rescue mode"},
    {"rpcbind.target", "", "RPC port mapper"},
    {"shutdown.target", "", "System shutdown", false},
    {"sigpwr.target", "", "Power failure"},
    {"slices.target", "", "Slices"},
    {"sockets.target", "", "Sockets"},
    {"swap.target", "", "Swaps", false},
    {"sysinit.target", "local-fs.target", "System initialization", false},
    {"time-set.target", "", "System time is set"},
    {"time-sync.target", "", "System time is synchronized"},
    {"timers.target", "", "Timers"},
    {"umount.target", "", "Unmount all file systems", false},
};

const Row* Find(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

}  // namespace

bool IsStandardUnit(std::string_view name) {
  return Find(name) != nullptr || name.ends_with(".slice");
}

void ApplyStandardUnit(Unit& unit) {
  const Row* row = Find(unit.name);
  if (row == nullptr) return;
  unit.description = row->description;
  unit.default_dependencies = row->default_dependencies;
  if (!row->requires_.empty()) {
    unit.requires_.emplace_back(row->requires_);
    unit.after.emplace_back(row->requires_);
  }
}

std::string_view StandardAlias(std::string_view name) {
  if (name == "default.target") return "kata-containers.target";
  if (name == "ctrl-alt-del.target") return "reboot.target";
  return "";
}

}  // namespace inro::unit
