// Names and ports of the agent's wire contract (proto/agent.proto, proto/health.proto).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace inro::protocol {

// vsock ports: the guest listens on all but the trace port, which the host listens on. The control
// port stands with its messages in control_message.h.
inline constexpr std::uint32_t kAgentPort = 1024;
inline constexpr std::uint32_t kLogPort = 1025;
inline constexpr std::uint32_t kDebugConsolePort = 1026;
inline constexpr std::uint32_t kPassfdPort = 1027;
inline constexpr std::uint32_t kTracePort = 10240;
inline constexpr std::uint32_t kHostTimePort = 10123;

inline constexpr std::string_view kAgentService = "grpc.AgentService";
inline constexpr std::string_view kHealthService = "grpc.Health";

// What Health/Version answers as grpc_version; all known agents answer the same.
inline constexpr std::string_view kApiVersion = "0.0.1";

// The answer {status: SERVING} in bytes, for those who answer nothing else.
inline constexpr std::string_view kServingBytes{"\x08\x01", 2};

}  // namespace inro::protocol
