#include "guest/sandbox/implied.h"

#include <linux/capability.h>

#include "guest/sandbox/mount_plan.h"
#include "guest/sandbox/seccomp_filters.h"

namespace inro::guest::sandbox {
namespace {

constexpr std::uint64_t Bit(int capability) { return std::uint64_t{1} << capability; }

}  // namespace

void ApplyImplied(unit::ExecSettings& exec) {
  unit::SandboxSettings& sandbox = exec.sandbox;
  unit::ResourceSettings& resources = exec.resources;
  if (exec.dynamic_user) {
    sandbox.private_tmp = true;
    sandbox.protect_system = unit::ProtectSystem::kStrict;
    if (sandbox.protect_home == unit::ProtectHome::kNo) {
      sandbox.protect_home = unit::ProtectHome::kReadOnly;
    }
    sandbox.restrict_suid_sgid = true;
    exec.no_new_privileges = true;
  }
  if (sandbox.private_devices && resources.device_policy == unit::DevicePolicy::kAuto) {
    resources.device_policy = unit::DevicePolicy::kClosed;
  }
  if (sandbox.protect_clock) resources.devices.push_back({"char-rtc", "r"});
}

std::uint64_t ImpliedDrops(const unit::SandboxSettings& sandbox) {
  std::uint64_t drops = 0;
  if (sandbox.private_devices) drops |= Bit(CAP_MKNOD) | Bit(CAP_SYS_RAWIO);
  if (sandbox.protect_kernel_modules) drops |= Bit(CAP_SYS_MODULE);
  if (sandbox.protect_kernel_logs) drops |= Bit(CAP_SYSLOG);
  if (sandbox.protect_clock) drops |= Bit(CAP_SYS_TIME) | Bit(CAP_WAKE_ALARM);
  return drops;
}

bool NeedsSandbox(const unit::ExecSettings& exec) {
  const unit::SandboxSettings& sandbox = exec.sandbox;
  return exec.dynamic_user || NeedsMountNamespace(exec) || NeedsFilters(exec) ||
         sandbox.private_network || !sandbox.network_namespace_path.empty() ||
         sandbox.private_ipc || !sandbox.ipc_namespace_path.empty() || sandbox.private_users ||
         sandbox.protect_hostname;
}

unit::ExecSettings WithFullPrivileges(const unit::ExecSettings& exec) {
  unit::ExecSettings left = exec;
  const unit::SandboxSettings& sandbox = exec.sandbox;
  left.sandbox = {};
  left.sandbox.binds = sandbox.binds;
  left.sandbox.temporary = sandbox.temporary;
  left.sandbox.private_network = sandbox.private_network;
  left.sandbox.network_namespace_path = sandbox.network_namespace_path;
  left.dynamic_user = false;
  return left;
}

}  // namespace inro::guest::sandbox
