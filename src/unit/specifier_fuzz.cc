// Specifiers of any content, for a unit whose name is the first line.
#include <cstddef>
#include <cstdint>

#include "unit/specifier.h"
#include "unit/unit_name.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t newline = text.find('\n');
  std::string_view name = text.substr(0, newline);
  if (!inro::unit::KindOf(name)) name = "foo-bar@a-b\\x2dc.service";
  const std::string_view rest = newline == std::string_view::npos ? text : text.substr(newline + 1);
  inro::unit::SystemFacts facts{"host.example", "id", "boot", "6.1"};
  inro::unit::SetOsRelease(facts, rest);
  const auto value = inro::unit::ExpandSpecifiers(rest, name, facts, "/etc/systemd/system/x");
  if (value && rest.find('%') == std::string_view::npos && *value != rest) __builtin_trap();
  return 0;
}
