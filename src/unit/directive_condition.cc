// Rows of the directive table: "Condition" + name and "Assert" + name of systemd.unit(5).
#include "unit/directive_table.h"
#include "unit/unit_parse.h"

namespace inro::unit {
namespace {

consteval int Of(ConditionKind kind) { return static_cast<int>(kind); }

constexpr Directive kRows[] = {
    {"ACPower", Support::kEnforced, &parse::ConditionRow, Of(ConditionKind::kACPower)},
    {"Architecture", Support::kEnforced, &parse::ConditionRow, Of(ConditionKind::kArchitecture)},
    {"CPUFeature", Support::kEnforced, &parse::ConditionRow, Of(ConditionKind::kCpuFeature)},
    {"CPUPressure", Support::kEnforced, &parse::ConditionRow, Of(ConditionKind::kCpuPressure)},
    {"CPUs", Support::kEnforced, &parse::ConditionRow, Of(ConditionKind::kCpus)},
    {"Capability", Support::kEnforced, &parse::ConditionRow, Of(ConditionKind::kCapability)},
    {"ControlGroupController", Support::kEnforced, &parse::ConditionRow,
     Of(ConditionKind::kControlGroupController)},
    {"Credential", Support::kEnforced, &parse::ConditionRow, Of(ConditionKind::kCredential)},
    {"DirectoryNotEmpty", Support::kEnforced, &parse::ConditionRow,
     Of(ConditionKind::kDirectoryNotEmpty)},
    {"Environment", Support::kEnforced, &parse::ConditionRow, Of(ConditionKind::kEnvironment)},
    {"FileIsExecutable", Support::kEnforced, &parse::ConditionRow,
     Of(ConditionKind::kFileIsExecutable)},
    {"FileNotEmpty", Support::kEnforced, &parse::ConditionRow, Of(ConditionKind::kFileNotEmpty)},
    {"Firmware", Support::kEnforced, &parse::ConditionRow, Of(ConditionKind::kFirmware)},
    {"FirstBoot", Support::kEnforced, &parse::ConditionRow, Of(ConditionKind::kFirstBoot)},
    {"Group", Support::kEnforced, &parse::ConditionRow, Of(ConditionKind::kGroup)},
    {"Host", Support::kEnforced, &parse::ConditionRow, Of(ConditionKind::kHost)},
    {"IOPressure", Support::kEnforced, &parse::ConditionRow, Of(ConditionKind::kIoPressure)},
    {"KernelCommandLine", Support::kEnforced, &parse::ConditionRow,
     Of(ConditionKind::kKernelCommandLine)},
    {"KernelModuleLoaded", Support::kEnforced, &parse::ConditionRow,
     Of(ConditionKind::kKernelModuleLoaded)},
    {"KernelVersion", Support::kEnforced, &parse::ConditionRow, Of(ConditionKind::kKernelVersion)},
    {"Memory", Support::kEnforced, &parse::ConditionRow, Of(ConditionKind::kMemory)},
    {"MemoryPressure", Support::kEnforced, &parse::ConditionRow,
     Of(ConditionKind::kMemoryPressure)},
    {"NeedsUpdate", Support::kEnforced, &parse::ConditionRow, Of(ConditionKind::kNeedsUpdate)},
    {"OSRelease", Support::kEnforced, &parse::ConditionRow, Of(ConditionKind::kOsRelease)},
    {"PathExists", Support::kEnforced, &parse::ConditionRow, Of(ConditionKind::kPathExists)},
    {"PathExistsGlob", Support::kEnforced, &parse::ConditionRow,
     Of(ConditionKind::kPathExistsGlob)},
    {"PathIsDirectory", Support::kEnforced, &parse::ConditionRow,
     Of(ConditionKind::kPathIsDirectory)},
    {"PathIsEncrypted", Support::kEnforced, &parse::ConditionRow,
     Of(ConditionKind::kPathIsEncrypted)},
    {"PathIsMountPoint", Support::kEnforced, &parse::ConditionRow,
     Of(ConditionKind::kPathIsMountPoint)},
    {"PathIsReadWrite", Support::kEnforced, &parse::ConditionRow,
     Of(ConditionKind::kPathIsReadWrite)},
    {"PathIsSocket", Support::kEnforced, &parse::ConditionRow, Of(ConditionKind::kPathIsSocket)},
    {"PathIsSymbolicLink", Support::kEnforced, &parse::ConditionRow,
     Of(ConditionKind::kPathIsSymbolicLink)},
    {"Security", Support::kEnforced, &parse::ConditionRow, Of(ConditionKind::kSecurity)},
    {"User", Support::kEnforced, &parse::ConditionRow, Of(ConditionKind::kUser)},
    {"Version", Support::kEnforced, &parse::ConditionRow, Of(ConditionKind::kVersion)},
    {"Virtualization", Support::kEnforced, &parse::ConditionRow,
     Of(ConditionKind::kVirtualization)},
};
static_assert(IsSorted(kRows));

}  // namespace

constinit const std::span<const Directive> kConditionDirectives = kRows;

}  // namespace inro::unit
