// The messages of proto/services.proto as plain structs (service of the control port); see
// message.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/message.h"

namespace inro::protocol {

inline constexpr std::string_view kServicesService = "inro.control.v1.Services";

struct ServicesRequest {
  static constexpr std::string_view kName = "inro.control.v1.ServicesRequest";
  std::string unit;  // empty: all that are loaded

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "unit", &ServicesRequest::unit);
  }
};

struct Service {
  static constexpr std::string_view kName = "inro.control.v1.Service";
  std::string name;
  std::string description;
  std::string load;
  std::string active;
  std::string sub;
  std::uint32_t pid = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t cpu_us = 0;
  std::uint32_t restarts = 0;
  std::string result;
  std::uint32_t exit_code = 0;
  std::uint32_t exit_status = 0;
  std::string status;
  std::uint64_t since_us = 0;
  std::string file;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "name", &Service::name);
    visit(2, "description", &Service::description);
    visit(3, "load", &Service::load);
    visit(4, "active", &Service::active);
    visit(5, "sub", &Service::sub);
    visit(6, "pid", &Service::pid);
    visit(7, "memory_bytes", &Service::memory_bytes);
    visit(8, "cpu_us", &Service::cpu_us);
    visit(9, "restarts", &Service::restarts);
    visit(10, "result", &Service::result);
    visit(11, "exit_code", &Service::exit_code);
    visit(12, "exit_status", &Service::exit_status);
    visit(13, "status", &Service::status);
    visit(14, "since_us", &Service::since_us);
    visit(15, "file", &Service::file);
  }
};

struct ServicesResponse {
  static constexpr std::string_view kName = "inro.control.v1.ServicesResponse";
  std::vector<Service> services;
  std::uint64_t monotonic_us = 0;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "services", &ServicesResponse::services);
    visit(2, "monotonic_us", &ServicesResponse::monotonic_us);
  }
};

struct ServiceChangeRequest {
  static constexpr std::string_view kName = "inro.control.v1.ServiceChangeRequest";
  std::string verb;
  std::string unit;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "verb", &ServiceChangeRequest::verb);
    visit(2, "unit", &ServiceChangeRequest::unit);
  }
};

struct ServiceChangeResponse {
  static constexpr std::string_view kName = "inro.control.v1.ServiceChangeResponse";
  std::uint32_t code = 0;
  std::string text;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "code", &ServiceChangeResponse::code);
    visit(2, "text", &ServiceChangeResponse::text);
  }
};

}  // namespace inro::protocol
