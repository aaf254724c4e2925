#include "guest/sandbox/system_call_table.h"

#include <linux/audit.h>

#include <algorithm>

#include "guest/sandbox/system_call_numbers.h"

namespace inro::guest::sandbox {

extern const SystemCallNumbers kNativeNumbers;
extern const SystemCallNumbers kI386Numbers;

namespace {

#define INRO_NAME_OF_CALL(name) #name,
constexpr std::string_view kNames[] = {INRO_SYSTEM_CALLS(INRO_NAME_OF_CALL)};
#undef INRO_NAME_OF_CALL
static_assert(std::ranges::is_sorted(kNames));

#if defined(__x86_64__)
const Architecture kArchitectures[] = {
    {"x86-64", AUDIT_ARCH_X86_64, kNativeNumbers, 0x40000000},
    {"x86", AUDIT_ARCH_I386, kI386Numbers, std::nullopt},
};
#elif defined(__aarch64__)
const Architecture kArchitectures[] = {
    {"arm64", AUDIT_ARCH_AARCH64, kNativeNumbers, std::nullopt},
};
#else
#error "add the architecture's AUDIT_ARCH_ word"
#endif

}  // namespace

std::span<const Architecture> Architectures() { return kArchitectures; }

std::span<const std::string_view> SystemCallNames() { return kNames; }

std::optional<std::size_t> FindSystemCall(std::string_view name) {
  const auto* found = std::ranges::lower_bound(kNames, name);
  if (found == std::end(kNames) || *found != name) return std::nullopt;
  return static_cast<std::size_t>(found - std::begin(kNames));
}

std::int16_t NumberOf(const Architecture& architecture, std::string_view name) {
  const auto index = FindSystemCall(name);
  return index ? architecture.numbers[*index] : kNoCall;
}

}  // namespace inro::guest::sandbox
