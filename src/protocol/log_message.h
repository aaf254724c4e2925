// The messages of proto/logs.proto as plain structs (service of the control port); see message.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/message.h"

namespace inro::protocol {

inline constexpr std::string_view kLogService = "inro.control.v1.Logs";
// Where the collector gives out its records inside the guest. A client sends "AFTER <seq>\n" and
// reads one JSON object a line, from the first kept record whose number is greater; an empty line
// whenever there is no further record yet.
inline constexpr std::string_view kLogSocket = "/run/inro/logs.sock";
// What the collector shows of itself, a JSON object; "host_port" is one of its numbers.
inline constexpr std::string_view kLogState = "/run/inro/state/logs.json";
// One line is never longer, its newline included.
inline constexpr std::size_t kLogLineLimit = std::size_t{256} << 10;

// Method "Read": answers as soon as there is a record after `after_seq`, or after `wait_ms`.
struct LogReadRequest {
  static constexpr std::string_view kName = "inro.control.v1.LogReadRequest";
  std::uint64_t after_seq = 0;  // 0: from the oldest kept record on
  std::uint32_t max_lines = 0;  // 0: as many as fit into one answer
  std::uint32_t wait_ms = 0;    // at most 10 s; 0: answer at once

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "after_seq", &LogReadRequest::after_seq);
    visit(2, "max_lines", &LogReadRequest::max_lines);
    visit(3, "wait_ms", &LogReadRequest::wait_ms);
  }
};

struct LogReadResponse {
  static constexpr std::string_view kName = "inro.control.v1.LogReadResponse";
  std::vector<std::string> lines;  // JSON objects, oldest first
  std::uint32_t host_port = 0;     // vsock port on which the collector streams them; 0: none

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "lines", &LogReadResponse::lines);
    visit(2, "host_port", &LogReadResponse::host_port);
  }
};

}  // namespace inro::protocol
