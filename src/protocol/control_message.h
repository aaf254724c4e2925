// The messages of proto/control.proto (vsock port 10124) as plain structs; see message.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/message.h"

namespace inro::protocol {

inline constexpr std::uint32_t kControlPort = 10124;
inline constexpr std::string_view kControlService = "inro.control.v1.Control";

struct UnitState {
  static constexpr std::string_view kName = "inro.control.v1.Unit";
  std::string name;
  std::string state;             // as systemd's ActiveState: active, activating, inactive, failed
  std::uint32_t pid = 0;         // main process; 0: none
  std::uint64_t started_us = 0;  // CLOCK_MONOTONIC when it began to start; 0: never
  std::uint64_t active_us = 0;   // CLOCK_MONOTONIC when it became active; 0: never
  std::string result;            // why it failed; empty: it did not

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "name", &UnitState::name);
    visit(2, "state", &UnitState::state);
    visit(3, "pid", &UnitState::pid);
    visit(4, "started_us", &UnitState::started_us);
    visit(5, "active_us", &UnitState::active_us);
    visit(6, "result", &UnitState::result);
  }
};

struct ProcessState {
  static constexpr std::string_view kName = "inro.control.v1.Process";
  std::uint32_t pid = 0;
  std::string name;
  std::string unit;
  std::uint64_t rss_kib = 0;
  std::uint64_t pss_kib = 0;
  bool kernel_thread = false;
  std::uint32_t uid = 0;
  std::string state;  // the letter of /proc/PID/status: R, S, D, Z (a zombie), ...

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "pid", &ProcessState::pid);
    visit(2, "name", &ProcessState::name);
    visit(3, "unit", &ProcessState::unit);
    visit(4, "rss_kib", &ProcessState::rss_kib);
    visit(5, "pss_kib", &ProcessState::pss_kib);
    visit(6, "kernel_thread", &ProcessState::kernel_thread);
    visit(7, "uid", &ProcessState::uid);
    visit(8, "state", &ProcessState::state);
  }
};

struct StateResponse {
  static constexpr std::string_view kName = "inro.control.v1.StateResponse";
  std::uint64_t monotonic_us = 0;          // CLOCK_MONOTONIC now
  std::uint64_t memory_available_kib = 0;  // MemAvailable
  std::string init;                        // name of process 1
  std::vector<UnitState> units;
  std::vector<ProcessState> processes;  // this role's own process included
  std::string os_release;               // content of /etc/os-release
  std::uint32_t own_pid = 0;            // the process that answers
  std::uint64_t init_started_us = 0;    // CLOCK_MONOTONIC when process 1 began; 0: not known

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "monotonic_us", &StateResponse::monotonic_us);
    visit(2, "memory_available_kib", &StateResponse::memory_available_kib);
    visit(3, "init", &StateResponse::init);
    visit(4, "units", &StateResponse::units);
    visit(5, "processes", &StateResponse::processes);
    visit(6, "os_release", &StateResponse::os_release);
    visit(7, "own_pid", &StateResponse::own_pid);
    visit(8, "init_started_us", &StateResponse::init_started_us);
  }
};

struct RoleStateRequest {
  static constexpr std::string_view kName = "inro.control.v1.RoleStateRequest";
  std::string role;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "role", &RoleStateRequest::role);
  }
};

struct RoleStateResponse {
  static constexpr std::string_view kName = "inro.control.v1.RoleStateResponse";
  std::string json;  // one object

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "json", &RoleStateResponse::json);
  }
};

struct ProbeRequest {
  static constexpr std::string_view kName = "inro.control.v1.ProbeRequest";
  std::vector<std::string> features;  // ids of rows; empty: all that this guest can probe

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "features", &ProbeRequest::features);
  }
};

struct Finding {
  static constexpr std::string_view kName = "inro.control.v1.Finding";
  std::string feature;
  bool yes = false;
  std::string evidence;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "feature", &Finding::feature);
    visit(2, "yes", &Finding::yes);
    visit(3, "evidence", &Finding::evidence);
  }
};

struct ProbeResponse {
  static constexpr std::string_view kName = "inro.control.v1.ProbeResponse";
  std::vector<Finding> findings;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "findings", &ProbeResponse::findings);
  }
};

}  // namespace inro::protocol
