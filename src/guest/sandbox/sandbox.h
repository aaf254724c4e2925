// Everything that a service's process does to itself before it executes, when it has a sandbox.
#pragma once

#include <sys/types.h>

#include <optional>

#include "guest/sandbox/mount_plan.h"
#include "sys/spawn.h"
#include "unit/exec_settings.h"

namespace inro::guest::sandbox {

struct SandboxRequest {
  const unit::ExecSettings& exec;  // with what it implies applied
  MountSources mounts;
  int network = -1;  // a namespace to enter; -1: none, or NetworkNamespacePath=
  int ipc = -1;
  uid_t uid = 0;  // of PrivateUsers=
  gid_t gid = 0;
};

// Lives in the child. Namespaces first, with all privileges; filters of system calls last.
class Sandbox final : public sys::ChildSetup {
 public:
  explicit Sandbox(SandboxRequest request) : request_(std::move(request)) {}
  std::optional<sys::ChildFailure> Enter() override;
  std::optional<sys::ChildFailure> Restrict() override;

 private:
  SandboxRequest request_;
};

}  // namespace inro::guest::sandbox
