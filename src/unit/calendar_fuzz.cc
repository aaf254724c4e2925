// Calendar expressions of any content: the next times are later ones, and each is found again.
#include <cstddef>
#include <cstdint>

#include "unit/calendar.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto event = inro::unit::ParseCalendarEvent(text);
  if (!event) return 0;
  std::int64_t at = 1'700'000'000'000'000;
  for (int i = 0; i < 4; ++i) {
    const auto next = inro::unit::NextElapse(*event, at);
    if (!next) break;
    if (*next <= at) __builtin_trap();
    if (inro::unit::NextElapse(*event, *next - 1) != next) __builtin_trap();
    at = *next;
  }
  return 0;
}
