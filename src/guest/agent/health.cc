#include "guest/agent/health.h"

#include <string>
#include <utility>

#include "protocol/agent_api.h"
#include "protocol/health_message.h"
#include "protocol/message.h"

namespace inro::guest::agent {
namespace {

void Check(wire::Call, wire::Responder responder) {
  responder.Reply(
      protocol::Encode(protocol::HealthCheckResponse{.status = protocol::ServingStatus::kServing}));
}

void Version(wire::Call, wire::Responder responder) {
  responder.Reply(protocol::Encode(protocol::VersionCheckResponse{
      .grpc_version = std::string(protocol::kApiVersion), .agent_version = INRO_VERSION}));
}

}  // namespace

std::vector<wire::Method> HealthMethods() {
  return {{protocol::kHealthService, "Check", wire::Method::Run::kLoop, Check},
          {protocol::kHealthService, "Version", wire::Method::Run::kLoop, Version}};
}

}  // namespace inro::guest::agent
