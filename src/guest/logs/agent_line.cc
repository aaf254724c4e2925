#include "guest/logs/agent_line.h"

#include <algorithm>
#include <charconv>

#include "base/json_reader.h"
#include "guest/logs/field_list.h"
#include "guest/logs/record.h"

namespace inro::guest::logs {
namespace {

bool Priority(std::string_view level, std::uint8_t& priority) {
  struct Row {
    std::string_view name;
    std::uint8_t priority;
  };
  constexpr Row kRows[] = {{"CRIT", 2}, {"ERRO", 3}, {"WARN", 4},
                           {"INFO", 6}, {"DEBG", 7}, {"TRCE", kPriorityTrace}};
  const auto* row = std::ranges::find(kRows, level, &Row::name);
  if (row == std::end(kRows)) return false;
  priority = row->priority;
  return true;
}

}  // namespace

bool ParseAgentLine(std::string_view text, AgentLine& line) {
  line = {};
  bool has_message = false;
  bool has_level = false;
  const auto take = [&](std::string_view key, const std::string& value, bool raw) {
    if (key == "msg") {
      has_message = true;
      line.message = value;
    } else if (key == "level") {
      has_level = Priority(value, line.priority);
    } else if (key == "pid") {
      std::from_chars(value.data(), value.data() + value.size(), line.pid);
    } else if (key == "name") {
      line.name = value;
    } else if (key == "source") {
      line.of_agent = value == "agent";
    } else {
      AppendField({.name = key, .value = value, .raw = raw}, line.fields);
    }
  };
  return ForEachJsonMember(text, take) && has_message && has_level;
}

}  // namespace inro::guest::logs
