// Command lines of Exec*= (systemd.service(5), "COMMAND LINES"): prefixes, quoting, `;` between
// commands, and the expansion of environment variables when they are run.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "unit/specifier.h"

namespace inro::unit {

// Prefix characters in front of the program.
enum CommandFlag : std::uint8_t {
  kIgnoreFailure = 1,    // "-"
  kOwnArgv0 = 2,         // "@": the word after the program is argv[0]
  kNoExpansion = 4,      // ":": $VARIABLES stay as they are
  kFullPrivileges = 8,   // "+": no User=, no capabilities, no limits of privilege
  kKeepCredentials = 16  // "!": no User= and Group=, the rest applies
};

struct Command {
  std::uint8_t flags = 0;
  std::string program;            // absolute, or a bare name that is looked up in PATH
  std::vector<std::string> argv;  // argv[0] first; variables not expanded yet
};

inline constexpr std::size_t kMaxArguments = 4096;

// The commands of one Exec*= line, in order; specifiers are expanded. Errors say what is wrong.
Result<std::vector<Command>> ParseCommandLine(std::string_view line, std::string_view unit_name,
                                              const SystemFacts& facts = {},
                                              std::string_view fragment = "");

using Environment = std::vector<std::string>;  // NAME=VALUE, at most one a name

// Sets or replaces one variable.
void SetVariable(Environment& environment, std::string_view assignment);
void UnsetVariable(Environment& environment, std::string_view name);
// Empty when not set.
std::string_view GetVariable(const Environment& environment, std::string_view name);
// A letter or "_", then letters, digits, "_"; then "=".
bool IsAssignment(std::string_view text);

// "$FOO" as a word of its own becomes the words of its value (none when empty); "${FOO}" is
// replaced inside a word; "$$" is "$". argv[0] is never expanded.
std::vector<std::string> ExpandArguments(const Command& command, const Environment& environment);

}  // namespace inro::unit
