#include "unit/standard_units.h"

#include "unit/text.h"

namespace inro::unit {
namespace {

struct Row {
  std::string_view name;
  std::string_view requires_;  // required, and started before
  std::string_view wants;      // wanted, and started before
  std::string_view description;
  bool default_dependencies = true;
  bool allow_isolate = false;
};

constexpr Row kRows[] = {
    {"basic.target", "sysinit.target", "sockets.target timers.target", "Basic system"},
    {"cryptsetup.target", "", "", "Encrypted volumes", false},
    {"emergency.target", "", "", "Emergency mode", false, true},
    {"exit.target", "", "", "Exit", false, true},
    {"final.target", "", "", "Late shutdown", false},
    {"getty.target", "", "", "Login prompts"},
    {"graphical.target", "multi-user.target", "", "Graphical interface", true, true},
    {"halt.target", "", "", "Halt", false, true},
    {"initrd.target", "", "", "Initrd"},
    {"kata-containers.target", "basic.target", "", "Kata Containers agent and its services", true,
     true},
    {"local-fs-pre.target", "", "", "Before local file systems", false},
    {"local-fs.target", "", "", "Local file systems", false},
    {"multi-user.target", "basic.target", "", "Multi-user system", true, true},
    {"network-online.target", "", "", "Network is online"},
    {"network-pre.target", "", "", "Before network", false},
    {"network.target", "", "", "Network"},
    {"nss-lookup.target", "", "", "Host and network name lookups"},
    {"nss-user-lookup.target", "", "", "User and group name lookups"},
    {"paths.target", "", "", "Path units"},
    {"poweroff.target", "", "", "Power off", false, true},
    {"reboot.target", "", "", "Reboot", false, true},
    {"remote-fs-pre.target", "", "", "Before remote file systems", false},
    {"remote-fs.target", "", "", "Remote file systems", false},
    {"rescue.target", "sysinit.target", "", "Rescue mode", true, true},
    {"rpcbind.target", "", "", "RPC port mapper"},
    {"shutdown.target", "", "", "System shutdown", false},
    {"sigpwr.target", "", "", "Power failure"},
    {"slices.target", "", "", "Slices"},
    {"sockets.target", "", "", "Sockets"},
    {"swap.target", "", "", "Swaps", false},
    {"sysinit.target", "local-fs.target", "", "System initialization", false},
    {"time-set.target", "", "", "System time is set"},
    {"time-sync.target", "", "time-set.target", "System time is synchronized"},
    {"timers.target", "", "", "Timers", false},
    {"umount.target", "", "", "Unmount all file systems", false},
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
  unit.allow_isolate = row->allow_isolate;
  for (const std::string_view name : SplitWords(row->requires_)) {
    unit.requires_.emplace_back(name);
    unit.after.emplace_back(name);
  }
  for (const std::string_view name : SplitWords(row->wants)) {
    unit.wants.emplace_back(name);
    unit.after.emplace_back(name);
  }
}

std::string_view StandardAlias(std::string_view name) {
  if (name == "default.target") return "kata-containers.target";
  if (name == "ctrl-alt-del.target") return "reboot.target";
  return "";
}

}  // namespace inro::unit
