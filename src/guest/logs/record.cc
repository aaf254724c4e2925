#include "guest/logs/record.h"

namespace inro::guest::logs {

std::string_view SourceName(Source source) {
  constexpr std::string_view kNames[] = {"kernel", "syslog", "journal", "stdout", "agent", "logs"};
  return kNames[static_cast<std::size_t>(source)];
}

std::string_view LevelName(std::uint8_t priority) {
  constexpr std::string_view kNames[] = {"CRIT", "CRIT", "CRIT", "ERRO", "WARN",
                                         "INFO", "INFO", "DEBG", "TRCE"};
  return kNames[priority > kPriorityTrace ? kPriorityTrace : priority];
}

}  // namespace inro::guest::logs
