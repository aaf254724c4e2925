// Health and version (proto/health.proto).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace inro::protocol {

// grpc.HealthCheckResponse.ServingStatus
enum class ServingStatus : std::int32_t { kUnknown = 0, kServing = 1, kNotServing = 2 };

struct CheckRequest {
  static constexpr std::string_view kName = "grpc.CheckRequest";
  std::string service;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "service", &CheckRequest::service);
  }
};

struct HealthCheckResponse {
  static constexpr std::string_view kName = "grpc.HealthCheckResponse";
  ServingStatus status{};

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "status", &HealthCheckResponse::status);
  }
};

struct VersionCheckResponse {
  static constexpr std::string_view kName = "grpc.VersionCheckResponse";
  std::string grpc_version;
  std::string agent_version;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "grpc_version", &VersionCheckResponse::grpc_version);
    visit(2, "agent_version", &VersionCheckResponse::agent_version);
  }
};

}  // namespace inro::protocol
