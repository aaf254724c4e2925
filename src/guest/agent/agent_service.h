// grpc.AgentService: which method does what. A method that is not here is answered UNIMPLEMENTED by
// the server.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include "guest/agent/kernel.h"
#include "guest/agent/log.h"
#include "guest/agent/network.h"
#include "guest/agent/online.h"
#include "guest/agent/sandbox.h"
#include "wire/server.h"

namespace inro::guest::agent {

// What the service needs of the world; tests put fakes here. All must outlive it.
struct AgentWorld {
  Kernel& kernel;
  sys::Mounts& mounts;
  NetworkStack& network;
  const Log& log;
  SandboxPaths paths;
  std::string proc = "/proc";
  HotplugOnline::Options online;
  HotplugWait hotplug;
};

// Methods run on several threads at once; those that share a part of the guest (the sandbox, the
// network, the hot-plugged devices) wait for one another, and for nobody else.
class AgentService {
 public:
  // `ended` is called, on the loop's thread, when DestroySandbox has been answered.
  AgentService(AgentWorld world, std::function<void()> ended);

  std::vector<wire::Method> Methods();

 private:
  std::vector<wire::Method> SandboxMethods();
  std::vector<wire::Method> GuestMethods();
  std::vector<wire::Method> NetworkMethods();

  AgentWorld world_;
  const std::function<void()> ended_;
  std::mutex sandbox_mutex_;
  Sandbox sandbox_;  // under sandbox_mutex_
  std::mutex online_mutex_;
  HotplugOnline online_;      // under online_mutex_
  std::mutex network_mutex_;  // over world_.network
  std::atomic<std::uint64_t> scrapes_ = 0;
};

}  // namespace inro::guest::agent
