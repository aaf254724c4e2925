#include "guest/agent/agent_service.h"

#include <atomic>
#include <utility>

#include "guest/agent/firewall.h"
#include "guest/agent/guest_details.h"
#include "guest/agent/metrics.h"
#include "guest/agent/rpc.h"
#include "protocol/network_message.h"
#include "protocol/sandbox_message.h"

namespace inro::guest::agent {
namespace {

using protocol::LogLevel;
using Answer = Result<std::string>;
using enum wire::Method::Run;

// The answer google.protobuf.Empty, or the error.
Answer Empty(const Result<>& done) {
  if (!done) return std::unexpected(done.error());
  return std::string();
}

template <class Message>
Answer Encoded(const Result<Message>& message) {
  if (!message) return std::unexpected(message.error());
  return protocol::Encode(*message);
}

}  // namespace

AgentService::AgentService(AgentWorld world, std::function<void()> ended)
    : world_(std::move(world)),
      ended_(std::move(ended)),
      sandbox_(world_.kernel, world_.mounts, world_.log, world_.paths),
      online_(world_.online) {}

std::vector<wire::Method> AgentService::Methods() {
  std::vector<wire::Method> methods = SandboxMethods();
  for (auto more : {GuestMethods(), NetworkMethods()}) {
    methods.insert(methods.end(), std::make_move_iterator(more.begin()),
                   std::make_move_iterator(more.end()));
  }
  return methods;
}

std::vector<wire::Method> AgentService::SandboxMethods() {
  using protocol::CreateSandboxRequest;
  std::vector<wire::Method> methods;
  methods.push_back(AgentMethod<CreateSandboxRequest>(
      "CreateSandbox", kWorker, [this](const CreateSandboxRequest& request) -> Answer {
        const std::lock_guard lock(sandbox_mutex_);
        const auto done = sandbox_.Create(request);
        if (done) {
          world_.log.Write(LogLevel::kInfo, "rpc", "sandbox created", {{"id", sandbox_.id()}});
        } else {
          world_.log.Write(LogLevel::kError, "rpc", "cannot create the sandbox",
                           {{"error", done.error().ToString()}});
        }
        return Empty(done);
      }));
  // On the loop, so that it is answered even while every worker is busy. The sandbox's mounts end
  // with the guest; only a CreateSandbox that is still at work is not waited for.
  methods.push_back({protocol::kAgentService, "DestroySandbox", kLoop,
                     [this](wire::Call, wire::Responder responder) {
                       world_.log.Write(LogLevel::kInfo, "rpc", "sandbox destroyed");
                       if (const std::unique_lock lock(sandbox_mutex_, std::try_to_lock); lock) {
                         sandbox_.Destroy();
                       }
                       responder.Reply({});
                       ended_();
                     }});
  return methods;
}

std::vector<wire::Method> AgentService::GuestMethods() {
  using namespace protocol;
  return {
      AgentMethod<GuestDetailsRequest>("GetGuestDetails", kLoop,
                                       [this](const GuestDetailsRequest& request) -> Answer {
                                         return Encode(
                                             ReadGuestDetails(request, world_.paths.sysfs));
                                       }),
      AgentMethod<SetGuestDateTimeRequest>(
          "SetGuestDateTime", kLoop,
          [this](const SetGuestDateTimeRequest& request) -> Answer {
            if (request.sec < 0 || request.usec < 0 || request.usec >= 1'000'000) {
              return FailAs(ErrorKind::kBadInput, "bad time {}.{:06}", request.sec, request.usec);
            }
            return Empty(world_.kernel.SetTime(request.sec, request.usec));
          }),
      AgentMethod<ReseedRandomDevRequest>("ReseedRandomDev", kLoop,
                                          [this](const ReseedRandomDevRequest& request) -> Answer {
                                            if (request.data.empty()) {
                                              return FailAs(ErrorKind::kBadInput,
                                                            "no data to reseed with");
                                            }
                                            return Empty(world_.kernel.AddEntropy(request.data));
                                          }),
      AgentMethod<NoFields>("GetMetrics", kWorker,
                            [this](const NoFields&) -> Answer {
                              return Encode(
                                  Metrics{.metrics = ReadMetrics(world_.proc, ++scrapes_)});
                            }),
      AgentMethod<OnlineCPUMemRequest>("OnlineCPUMem", kWorker,
                                       [this](const OnlineCPUMemRequest& request) -> Answer {
                                         const std::lock_guard lock(online_mutex_);
                                         if (request.nb_cpus > 0)
                                           INRO_TRY(online_.OnlineCpus(request.nb_cpus));
                                         if (!request.cpu_only) INRO_TRY(online_.OnlineMemory());
                                         return std::string();
                                       }),
  };
}

std::vector<wire::Method> AgentService::NetworkMethods() {
  using namespace protocol;
  return {
      AgentMethod<NoFields>("ListInterfaces", kWorker,
                            [this](const NoFields&) -> Answer {
                              const std::lock_guard lock(network_mutex_);
                              return Encoded(ListInterfaces(world_.network));
                            }),
      AgentMethod<NoFields>("ListRoutes", kWorker,
                            [this](const NoFields&) -> Answer {
                              const std::lock_guard lock(network_mutex_);
                              return Encoded(ListRoutes(world_.network));
                            }),
      AgentMethod<UpdateInterfaceRequest>(
          "UpdateInterface", kWorker,
          [this](const UpdateInterfaceRequest& request) -> Answer {
            if (!request.iface) return FailAs(ErrorKind::kBadInput, "no interface in the request");
            const std::lock_guard lock(network_mutex_);
            INRO_TRY(UpdateInterface(world_.network, *request.iface, world_.hotplug));
            return Encode(*request.iface);
          }),
      AgentMethod<UpdateRoutesRequest>(
          "UpdateRoutes", kWorker,
          [this](const UpdateRoutesRequest& request) -> Answer {
            if (!request.routes) return FailAs(ErrorKind::kBadInput, "no routes in the request");
            const std::lock_guard lock(network_mutex_);
            INRO_TRY(UpdateRoutes(world_.network, request.routes->routes));
            return Encoded(ListRoutes(world_.network));
          }),
      AgentMethod<AddARPNeighborsRequest>(
          "AddARPNeighbors", kWorker,
          [this](const AddARPNeighborsRequest& request) -> Answer {
            if (!request.neighbors) {
              return FailAs(ErrorKind::kBadInput, "no neighbours in the request");
            }
            const std::lock_guard lock(network_mutex_);
            return Empty(AddNeighbours(world_.network, request.neighbors->arp_neighbors));
          }),
      AgentMethod<GetIPTablesRequest>("GetIPTables", kWorker,
                                      [](const GetIPTablesRequest& request) -> Answer {
                                        return Encoded(agent::GetIPTables(request));
                                      }),
      AgentMethod<SetIPTablesRequest>("SetIPTables", kWorker,
                                      [](const SetIPTablesRequest& request) -> Answer {
                                        return Encoded(agent::SetIPTables(request));
                                      }),
  };
}

}  // namespace inro::guest::agent
