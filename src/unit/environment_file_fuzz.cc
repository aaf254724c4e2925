// Environment files of any content: every variable found is NAME=value, each name once.
#include <cstddef>
#include <cstdint>

#include "unit/environment_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  inro::unit::Environment again;
  const inro::unit::Environment found = inro::unit::ParseEnvironmentFile(text);
  for (const std::string& entry : found) {
    if (!inro::unit::IsAssignment(entry)) __builtin_trap();
    inro::unit::SetVariable(again, entry);
  }
  if (again.size() != found.size()) __builtin_trap();
  return 0;
}
