// Kernel command lines of any content.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "unit/kernel_command_line.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto line = inro::unit::KernelCommandLine::Parse(text);
  for (const auto& word : line.words()) {
    if (!line.Has(word.name)) __builtin_trap();
    static_cast<void>(line.Last(word.name));
    static_cast<void>(line.Flag(word.name, true));
    static_cast<void>(line.Matches(word.name));
  }
  return 0;
}
