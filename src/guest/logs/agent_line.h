// The lines of a Kata agent: one flat JSON object with msg, level, ts, name, source, subsystem,
// version, pid and free keys.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace inro::guest::logs {

struct AgentLine {
  std::string message;
  std::uint8_t priority = 6;
  bool of_agent = false;  // source is "agent"; other programs of Kata write such lines too
  std::uint32_t pid = 0;  // what the line says; 0: nothing
  std::string name;
  std::string fields;  // all but msg, level, pid, source and name, as field_list.h has them
};

// False when `text` is not one flat JSON object with at least "msg" and a "level" of the six.
bool ParseAgentLine(std::string_view text, AgentLine& line);

}  // namespace inro::guest::logs
