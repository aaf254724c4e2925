// The messages of proto/control.proto (vsock port 10124): structs and their protobuf encoding.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace inro::protocol {

inline constexpr std::uint32_t kControlPort = 10124;
inline constexpr std::string_view kControlService = "inro.control.v1.Control";

struct UnitState {
  std::string name;
  std::string state;             // as systemd's ActiveState
  std::uint32_t pid = 0;         // 0: none
  std::uint64_t started_us = 0;  // CLOCK_MONOTONIC; 0: never
  std::uint64_t active_us = 0;   // CLOCK_MONOTONIC; 0: never
  std::string result;            // why it failed
};

struct ProcessState {
  std::uint32_t pid = 0;
  std::string name;
  std::string unit;
  std::uint64_t rss_kib = 0;
  std::uint64_t pss_kib = 0;
  bool kernel_thread = false;
  std::uint32_t uid = 0;
};

struct StateResponse {
  std::uint64_t monotonic_us = 0;
  std::uint64_t memory_available_kib = 0;
  std::string init;
  std::vector<UnitState> units;
  std::vector<ProcessState> processes;
  std::string os_release;
  std::uint32_t own_pid = 0;
  std::uint64_t init_started_us = 0;
};

struct ProbeRequest {
  std::vector<std::string> features;
};

struct Finding {
  std::string feature;
  bool yes = false;
  std::string evidence;
};

struct ProbeResponse {
  std::vector<Finding> findings;
};

std::string Encode(const StateResponse& message);
std::string Encode(const ProbeRequest& message);
std::string Encode(const ProbeResponse& message);
// False when the bytes are malformed; unknown fields are skipped.
bool Decode(std::string_view bytes, StateResponse& message);
bool Decode(std::string_view bytes, ProbeRequest& message);
bool Decode(std::string_view bytes, ProbeResponse& message);

}  // namespace inro::protocol
