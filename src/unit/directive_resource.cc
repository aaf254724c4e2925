// Rows of the directive table: systemd.resource-control(5).
#include "unit/directive_table.h"
#include "unit/resource_parse.h"

namespace inro::unit {
namespace {

constexpr Directive kRows[] = {
    {"AllowedCPUs", Support::kEnforced, &parse::NumberSet<&ResourceSettings::allowed_cpus>},
    {"AllowedMemoryNodes", Support::kEnforced,
     &parse::NumberSet<&ResourceSettings::allowed_memory_nodes>},
    {"BPFProgram", Support::kNotEnforced},
    {"BlockIOAccounting", Support::kHarmless},
    {"BlockIODeviceWeight", Support::kNotEnforced},
    {"BlockIOReadBandwidth", Support::kNotEnforced},
    {"BlockIOWeight", Support::kNotEnforced},
    {"BlockIOWriteBandwidth", Support::kNotEnforced},
    {"CPUAccounting", Support::kHarmless},
    {"CPUQuota", Support::kEnforced, &parse::CpuQuota},
    {"CPUQuotaPeriodSec", Support::kEnforced,
     &parse::TimeSpan<&ResourceSettings::cpu_quota_period>},
    {"CPUShares", Support::kNotEnforced},
    {"CPUWeight", Support::kEnforced, &parse::CpuWeight},
    {"DefaultMemoryLow", Support::kNotEnforced},
    {"DefaultMemoryMin", Support::kNotEnforced},
    {"Delegate", Support::kEnforced, &parse::Delegate},
    {"DelegateSubgroup", Support::kNotEnforced},
    {"DeviceAllow", Support::kEnforced, &parse::DeviceAllow},
    {"DevicePolicy", Support::kEnforced,
     &parse::OneOf<&ResourceSettings::device_policy, parse::kDevicePolicies>},
    {"DisableControllers", Support::kNotEnforced},
    {"IOAccounting", Support::kHarmless},
    {"IODeviceLatencyTargetSec", Support::kNotEnforced},
    {"IODeviceWeight", Support::kNotEnforced},
    {"IOReadBandwidthMax", Support::kNotEnforced},
    {"IOReadIOPSMax", Support::kNotEnforced},
    {"IOWeight", Support::kEnforced, &parse::IoWeight},
    {"IOWriteBandwidthMax", Support::kNotEnforced},
    {"IOWriteIOPSMax", Support::kNotEnforced},
    {"IPAccounting", Support::kHarmless},
    {"IPAddressAllow", Support::kNotEnforced},
    {"IPAddressDeny", Support::kNotEnforced},
    {"IPEgressFilterPath", Support::kNotEnforced},
    {"IPIngressFilterPath", Support::kNotEnforced},
    {"ManagedOOMMemoryPressure", Support::kHarmless},
    {"ManagedOOMMemoryPressureLimit", Support::kHarmless},
    {"ManagedOOMPreference", Support::kHarmless},
    {"ManagedOOMSwap", Support::kHarmless},
    {"MemoryAccounting", Support::kHarmless},
    {"MemoryHigh", Support::kEnforced, &parse::ResourceRow<&ResourceSettings::memory_high>},
    {"MemoryKSM", Support::kHarmless},
    {"MemoryLimit", Support::kNotEnforced},
    {"MemoryLow", Support::kEnforced, &parse::ResourceRow<&ResourceSettings::memory_low>},
    {"MemoryMax", Support::kEnforced, &parse::ResourceRow<&ResourceSettings::memory_max>},
    {"MemoryMin", Support::kEnforced, &parse::ResourceRow<&ResourceSettings::memory_min>},
    {"MemorySwapMax", Support::kEnforced, &parse::ResourceRow<&ResourceSettings::memory_swap_max>},
    {"MemoryZSwapMax", Support::kNotEnforced},
    {"NFTSet", Support::kNotEnforced},
    {"RestrictNetworkInterfaces", Support::kNotEnforced},
    {"Slice", Support::kEnforced, &parse::SliceName},
    {"SocketBindAllow", Support::kNotEnforced},
    {"SocketBindDeny", Support::kNotEnforced},
    {"StartupAllowedCPUs", Support::kNotEnforced},
    {"StartupAllowedMemoryNodes", Support::kNotEnforced},
    {"StartupBlockIOWeight", Support::kNotEnforced},
    {"StartupCPUShares", Support::kNotEnforced},
    {"StartupCPUWeight", Support::kNotEnforced},
    {"StartupIOWeight", Support::kNotEnforced},
    {"StartupMemoryHigh", Support::kNotEnforced},
    {"StartupMemoryLow", Support::kNotEnforced},
    {"StartupMemoryMax", Support::kNotEnforced},
    {"StartupMemorySwapMax", Support::kNotEnforced},
    {"TasksAccounting", Support::kHarmless},
    {"TasksMax", Support::kEnforced, &parse::ResourceRow<&ResourceSettings::tasks_max>},
};
static_assert(IsSorted(kRows));

}  // namespace

constinit const std::span<const Directive> kResourceDirectives = kRows;

}  // namespace inro::unit
