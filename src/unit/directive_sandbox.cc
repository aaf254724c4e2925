// Rows of the directive table: what a process may see and do (systemd.exec(5), "SANDBOXING",
// "SYSTEM CALL FILTERING", "PATHS").
#include "unit/directive_table.h"
#include "unit/sandbox_parse.h"

namespace inro::unit {
namespace {

constexpr Directive kRows[] = {
    {"AppArmorProfile", Support::kNotEnforced},
    {"BindPaths", Support::kEnforced, &parse::BindPaths},
    {"BindReadOnlyPaths", Support::kEnforced, &parse::BindPaths, 1},
    {"ExecPaths", Support::kEnforced, &parse::Paths<&SandboxSettings::exec>},
    {"ExtensionDirectories", Support::kNotEnforced},
    {"ExtensionImages", Support::kNotEnforced},
    {"IPCNamespacePath", Support::kEnforced, &parse::Path<&SandboxSettings::ipc_namespace_path>},
    {"InaccessibleDirectories", Support::kEnforced, &parse::Paths<&SandboxSettings::inaccessible>},
    {"InaccessiblePaths", Support::kEnforced, &parse::Paths<&SandboxSettings::inaccessible>},
    {"LockPersonality", Support::kEnforced, &parse::Bool<&SandboxSettings::lock_personality>},
    {"MemoryDenyWriteExecute", Support::kEnforced,
     &parse::Bool<&SandboxSettings::memory_deny_write_execute>},
    {"MountAPIVFS", Support::kNotEnforced},
    {"MountFlags", Support::kEnforced, &parse::MountFlags},
    {"MountImages", Support::kNotEnforced},
    {"NetworkNamespacePath", Support::kEnforced,
     &parse::Path<&SandboxSettings::network_namespace_path>},
    {"NoExecPaths", Support::kEnforced, &parse::Paths<&SandboxSettings::no_exec>},
    {"Personality", Support::kEnforced, &parse::Personality},
    {"PrivateDevices", Support::kEnforced, &parse::Bool<&SandboxSettings::private_devices>},
    {"PrivateIPC", Support::kEnforced, &parse::Bool<&SandboxSettings::private_ipc>},
    {"PrivateMounts", Support::kEnforced, &parse::Bool<&SandboxSettings::private_mounts>},
    {"PrivateNetwork", Support::kEnforced, &parse::Bool<&SandboxSettings::private_network>},
    {"PrivatePIDs", Support::kNotEnforced},
    {"PrivateTmp", Support::kEnforced, &parse::Bool<&SandboxSettings::private_tmp>},
    {"PrivateUsers", Support::kEnforced, &parse::Bool<&SandboxSettings::private_users>},
    {"ProcSubset", Support::kEnforced,
     &parse::OneOf<&SandboxSettings::proc_subset_pid, parse::kProcSubsets>},
    {"ProtectClock", Support::kEnforced, &parse::Bool<&SandboxSettings::protect_clock>},
    {"ProtectControlGroups", Support::kEnforced,
     &parse::Bool<&SandboxSettings::protect_control_groups>},
    {"ProtectHome", Support::kEnforced,
     &parse::OneOf<&SandboxSettings::protect_home, parse::kProtectHomes>},
    {"ProtectHostname", Support::kEnforced, &parse::Bool<&SandboxSettings::protect_hostname>},
    {"ProtectKernelLogs", Support::kEnforced, &parse::Bool<&SandboxSettings::protect_kernel_logs>},
    {"ProtectKernelModules", Support::kEnforced,
     &parse::Bool<&SandboxSettings::protect_kernel_modules>},
    {"ProtectKernelTunables", Support::kEnforced,
     &parse::Bool<&SandboxSettings::protect_kernel_tunables>},
    {"ProtectProc", Support::kEnforced,
     &parse::OneOf<&SandboxSettings::protect_proc, parse::kProtectProcs>},
    {"ProtectSystem", Support::kEnforced,
     &parse::OneOf<&SandboxSettings::protect_system, parse::kProtectSystems>},
    {"ReadOnlyDirectories", Support::kEnforced, &parse::Paths<&SandboxSettings::read_only>},
    {"ReadOnlyPaths", Support::kEnforced, &parse::Paths<&SandboxSettings::read_only>},
    {"ReadWriteDirectories", Support::kEnforced, &parse::Paths<&SandboxSettings::read_write>},
    {"ReadWritePaths", Support::kEnforced, &parse::Paths<&SandboxSettings::read_write>},
    {"RestrictAddressFamilies", Support::kEnforced, &parse::RestrictAddressFamilies},
    {"RestrictFileSystems", Support::kNotEnforced},
    {"RestrictNamespaces", Support::kEnforced, &parse::RestrictNamespaces},
    {"RestrictRealtime", Support::kEnforced, &parse::Bool<&SandboxSettings::restrict_realtime>},
    {"RestrictSUIDSGID", Support::kEnforced, &parse::Bool<&SandboxSettings::restrict_suid_sgid>},
    {"RootEphemeral", Support::kNotEnforced},
    {"RootHash", Support::kNotEnforced},
    {"RootHashSignature", Support::kNotEnforced},
    {"RootImage", Support::kNotEnforced},
    {"RootImageOptions", Support::kNotEnforced},
    {"RootVerity", Support::kNotEnforced},
    {"SELinuxContext", Support::kNotEnforced},
    {"SmackProcessLabel", Support::kNotEnforced},
    {"SystemCallArchitectures", Support::kEnforced,
     &parse::Words<&SandboxSettings::system_call_architectures>},
    {"SystemCallErrorNumber", Support::kEnforced, &parse::SystemCallErrorNumber},
    {"SystemCallFilter", Support::kEnforced, &parse::SystemCallFilter},
    {"SystemCallLog", Support::kNotEnforced},
    {"TemporaryFileSystem", Support::kEnforced, &parse::TemporaryFileSystems},
};
static_assert(IsSorted(kRows));

}  // namespace

constinit const std::span<const Directive> kSandboxDirectives = kRows;

}  // namespace inro::unit
