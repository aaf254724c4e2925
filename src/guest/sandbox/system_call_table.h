// Numbers of system calls by name, for each architecture whose programs this kernel may run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace inro::guest::sandbox {

inline constexpr std::int16_t kNoCall = -1;

struct Architecture {
  std::string_view name;                  // as SystemCallArchitectures= names it
  std::uint32_t audit;                    // AUDIT_ARCH_*
  std::span<const std::int16_t> numbers;  // by index of the call; kNoCall: it has none of that name
  std::optional<std::uint32_t> foreign_bit;  // a bit of the number that marks another ABI (x32)
};

// The machine's own first.
std::span<const Architecture> Architectures();

// All names, sorted.
std::span<const std::string_view> SystemCallNames();

// The index of a name in the above; nullopt: no architecture has such a call.
std::optional<std::size_t> FindSystemCall(std::string_view name);

// The number of a call on an architecture; kNoCall when it has none.
std::int16_t NumberOf(const Architecture& architecture, std::string_view name);

}  // namespace inro::guest::sandbox
