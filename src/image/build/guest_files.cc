#include "image/build/guest_files.h"

#include "protocol/control_policy.h"
#include "sys/file.h"

namespace inro::image {
namespace {

constexpr std::string_view kOrigin = "inro";
constexpr std::string_view kUnitFolder = "usr/lib/systemd/system";
constexpr std::string_view kGenerator = "usr/lib/systemd/system-generators/inro-generate";
constexpr std::string_view kAgentUnit = "kata-agent.service";
constexpr std::string_view kAgentBinary = "usr/bin/kata-agent";

Result<> PutUnit(Tree& tree, std::string_view name, std::string text) {
  return tree.Put(fmt::format("{}/{}", kUnitFolder, name),
                  MakeFile(std::move(text), 0644, std::string(kOrigin)));
}

Result<> AddOwnAgent(const Definition& definition, Tree& tree) {
  INRO_ASSIGN(std::string binary, sys::ReadFile(definition.agent.binary));
  INRO_TRY(tree.Put(kAgentBinary, MakeFile(std::move(binary), 0755, "definition")));
  if (!definition.agent.unit.empty()) {
    INRO_ASSIGN(std::string unit, sys::ReadFile(definition.agent.unit));
    return PutUnit(tree, kAgentUnit, std::move(unit));
  }
  // Kata's agent does not notify: its unit is inro's, of type simple, with its path.
  return PutUnit(tree, kAgentUnit,
                 fmt::format("[Unit]\n"
                             "Description=Agent of the Kata Containers guest\n"
                             "DefaultDependencies=no\n"
                             "Wants=kata-containers.target\n"
                             "Before=kata-containers.target\n"
                             "SuccessAction=poweroff\n"
                             "FailureAction=poweroff\n"
                             "\n"
                             "[Service]\n"
                             "Type=simple\n"
                             "ExecStart=/{}\n"
                             "OOMScoreAdjust=-997\n"
                             "LimitNOFILE=1048576\n"
                             "StandardOutput=journal+console\n"
                             "\n"
                             "[Install]\n"
                             "WantedBy=kata-containers.target\n",
                             kAgentBinary));
}

// Under inro's init the role is systemctl, also where package systemd has brought its own, which
// would wait for systemd. So is what else ends a system, where the tree has no such program or has
// it from systemd.
Result<> AddSystemctl(std::string_view init, Tree& tree) {
  if (init != "inro") return {};
  for (const std::string_view path : {"usr/bin/systemctl", "usr/sbin/poweroff", "usr/sbin/reboot",
                                      "usr/sbin/halt", "usr/sbin/shutdown"}) {
    const Node* there = tree.Find(path);
    const bool of_systemd =
        path == "usr/bin/systemctl" || (there != nullptr && there->type == NodeType::kSymlink &&
                                        there->target.ends_with("systemctl"));
    if (there != nullptr && !of_systemd) continue;
    const std::string target = path.starts_with("usr/bin/") ? "inro-guest" : "../bin/inro-guest";
    INRO_TRY(tree.Put(path, MakeSymlink(target, std::string(kOrigin))));
  }
  return {};
}

}  // namespace

std::string BootConf(const Definition& definition, std::string_view init) {
  return fmt::format("init = {}\noverlay = {}\n", init, definition.overlay ? "yes" : "no");
}

Result<> AddGuestFiles(const Definition& definition, std::string_view init,
                       std::string_view guest_binary, Tree& tree) {
  INRO_TRY(tree.Put(kGuestBinary, MakeFile(std::string(guest_binary), 0755, std::string(kOrigin))));
  INRO_TRY(tree.Put(kBootConf, MakeFile(BootConf(definition, init), 0644, std::string(kOrigin))));
  const protocol::ControlPolicy policy =
      protocol::MakeControlPolicy(definition.debug, definition.control_exec);
  INRO_TRY(tree.Put(protocol::kControlPolicyPath.substr(1),
                    MakeFile(protocol::ControlPolicyText(policy), 0644, std::string(kOrigin))));
  INRO_TRY(tree.Put(kGenerator, MakeSymlink("../../../bin/inro-guest", std::string(kOrigin))));
  INRO_TRY(AddSystemctl(init, tree));
  for (const RoleUnit& unit : RoleUnits()) {
    INRO_TRY(PutUnit(tree, unit.name, std::string(unit.text)));
  }
  if (definition.agent.kind == AgentKind::kBinary) return AddOwnAgent(definition, tree);
  return {};
}

std::vector<std::string> GuestUnitsToEnable(const Definition&) {
  std::vector<std::string> names;
  for (const RoleUnit& unit : RoleUnits()) {
    if (unit.text.contains("\n[Install]\n")) names.emplace_back(unit.name);
  }
  return names;
}

}  // namespace inro::image
