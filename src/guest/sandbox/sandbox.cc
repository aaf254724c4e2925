#include "guest/sandbox/sandbox.h"

#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "guest/sandbox/mount_namespace.h"
#include "guest/sandbox/namespaces.h"
#include "guest/sandbox/seccomp_filters.h"

namespace inro::guest::sandbox {
namespace {

std::optional<sys::ChildFailure> FailureOf(const Result<>& done, int exit_code) {
  if (done) return std::nullopt;
  return sys::ChildFailure{exit_code, done.error().ToString()};
}

bool MayInstallFilters() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  return ::syscall(SYS_capget, &header, data) == 0 && (data[0].effective >> CAP_SYS_ADMIN & 1) != 0;
}

}  // namespace

std::optional<sys::ChildFailure> Sandbox::Enter() {
  const unit::ExecSettings& exec = request_.exec;
  const unit::SandboxSettings& sandbox = exec.sandbox;
  const auto enter = [](int fd, const std::string& path, SharedNamespace kind) -> Result<> {
    if (fd >= 0) return EnterNamespace(fd, kind);
    if (!path.empty()) return EnterNamespace(path, kind);
    return {};
  };
  if (auto failure = FailureOf(
          enter(request_.network, sandbox.network_namespace_path, SharedNamespace::kNetwork),
          sys::kExitNetwork)) {
    return failure;
  }
  if (auto failure =
          FailureOf(enter(request_.ipc, sandbox.ipc_namespace_path, SharedNamespace::kIpc),
                    sys::kExitNamespace)) {
    return failure;
  }
  if (sandbox.protect_hostname && ::unshare(CLONE_NEWUTS) != 0) {
    return sys::ChildFailure{sys::kExitNamespace, Error::FromErrno("ProtectHostname=").ToString()};
  }
  if (NeedsMountNamespace(exec) || !request_.mounts.tmp.empty()) {
    if (auto failure = FailureOf(EnterMountNamespace(PlanMounts(exec, request_.mounts)),
                                 sys::kExitNamespace)) {
      return failure;
    }
  }
  if (sandbox.private_users) {
    return FailureOf(EnterUserNamespace(request_.uid, request_.gid), sys::kExitUser);
  }
  return std::nullopt;
}

std::optional<sys::ChildFailure> Sandbox::Restrict() {
  const auto filters = BuildFilters(request_.exec);
  if (filters.empty()) return std::nullopt;
  // Without that capability only a process that can gain no privileges may have filters.
  if (!MayInstallFilters() && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return sys::ChildFailure{sys::kExitNoNewPrivileges,
                             Error::FromErrno("give up new privileges").ToString()};
  }
  for (const SeccompFilter& filter : filters) {
    const int error = InstallFilter(filter.program);
    if (error != 0) {
      return sys::ChildFailure{sys::kExitSeccomp,
                               Error::FromErrno(filter.directive, error).ToString()};
    }
  }
  return std::nullopt;
}

}  // namespace inro::guest::sandbox
