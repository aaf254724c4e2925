// What the runtime tells the agent on the kernel's command line.
//
// One table holds every parameter: its name, type, default and meaning. Parsing is tolerant: a
// value that cannot be read gives a warning and leaves the default in place, unknown words are
// skipped. Words are split at white space; there is no quoting.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace inro::protocol {

enum class ParameterType {
  kFlag,      // counts as a bare word only
  kBool,      // bare, "true" and integers but 0: true; "false", 0: false
  kPort,      // 0 or more, below 2^31; 0: off
  kSeconds,   // 1 or more; 0 is ignored
  kNumber,    // 0 or more
  kText,      // as it stands
  kLogLevel,  // a name of ParseLogLevel()
  kChoice,    // one of `choices`
};

struct KernelParameter {
  std::string_view name;  // "agent.log"
  ParameterType type;
  std::string_view fallback;   // the value when it is absent; of kFlag and kBool "true" or "false"
  std::string_view meaning;    // for documentation: one line
  std::string_view choices{};  // for kChoice: separated by '|'
};

std::span<const KernelParameter> KernelParameters();

enum class LogLevel { kTrace, kDebug, kInfo, kWarn, kError, kCritical };
// "critical", "fatal" and "panic", "error", "warn" and "warning", "info", "debug", "trace".
bool ParseLogLevel(std::string_view text, LogLevel& level);

// The parameters of one command line. Getters take a name of the table; of a parameter that is
// absent they give the table's default.
class KernelCommandLine {
 public:
  explicit KernelCommandLine(std::string_view line);

  bool Has(std::string_view name) const;
  std::string_view Text(std::string_view name) const;
  bool Bool(std::string_view name) const;
  std::uint64_t Number(std::string_view name) const;
  LogLevel Level(std::string_view name) const;

  // One sentence per value that could not be read.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  std::map<std::string_view, std::string> values_;  // by the table's name; only readable values
  std::vector<std::string> warnings_;
};

}  // namespace inro::protocol
