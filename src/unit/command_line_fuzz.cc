// Exec lines of any content, with their expansion against an environment file of any content.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "unit/command_line.h"
#include "unit/environment_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t newline = text.find('\n');
  const std::string_view line = text.substr(0, newline);
  const inro::unit::Environment environment = inro::unit::ParseEnvironmentFile(
      newline == std::string_view::npos ? text : text.substr(newline + 1));
  const auto commands = inro::unit::ParseCommandLine(line, "a@b.service");
  if (!commands) return 0;
  for (const auto& command : *commands) {
    const auto words = inro::unit::ExpandArguments(command, environment);
    if (words.empty()) __builtin_trap();  // argv[0] is never expanded away
  }
  return 0;
}
