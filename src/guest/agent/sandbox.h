// The sandbox: what CreateSandbox sets up before the first container, and undoes on failure.
//
// States: none -> created -> none. CreateSandbox on a created sandbox first ends that one.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "guest/agent/kernel.h"
#include "guest/agent/log.h"
#include "protocol/sandbox_message.h"
#include "sys/mounts.h"

namespace inro::guest::agent {

// Where the sandbox touches the file system; tests point it elsewhere.
struct SandboxPaths {
  std::string root = "/run/kata-containers";
  std::string namespaces = "/run/sandbox-ns";
  std::string resolv_conf = "/etc/resolv.conf";
  std::string sysfs = "/sys";
};

// Not thread-safe: one call at a time.
class Sandbox {
 public:
  Sandbox(Kernel& kernel, sys::Mounts& mounts, const Log& log, SandboxPaths paths)
      : kernel_(kernel), mounts_(mounts), log_(log), paths_(std::move(paths)) {}

  // Wipes the sandbox's folder, loads modules, makes the shared namespaces, adds storages, and
  // gives the guest its DNS servers. All of it or, after an error, nothing of the mounts.
  Result<> Create(const protocol::CreateSandboxRequest& request);
  void Destroy();

  const std::string& id() const { return id_; }

 private:
  Result<> SetUp(const protocol::CreateSandboxRequest& request);
  Result<> SetDns(const std::vector<std::string>& lines);

  Kernel& kernel_;
  sys::Mounts& mounts_;
  const Log& log_;
  const SandboxPaths paths_;
  std::string id_;
  std::vector<std::string> mounted_;  // in the order of mounting
};

}  // namespace inro::guest::agent
