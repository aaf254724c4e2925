// Values of directives: truth, time spans, sizes, signals, modes, resource limits
// (systemd.syntax(7), systemd.time(7), systemd.exec(5)). nullopt: not such a value.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace inro::unit {

using Microseconds = std::chrono::microseconds;
inline constexpr Microseconds kForever = Microseconds::max();

std::optional<bool> ParseBool(std::string_view text);
// "90", "1min 30s", "500ms", "infinity" (kForever). A bare number is seconds.
std::optional<Microseconds> ParseTimeSpan(std::string_view text);
// "SIGTERM", "TERM", "15", "SIGRTMIN+4".
std::optional<int> ParseSignal(std::string_view text);
// "TERM" of 15; "signal 40" for others.
std::string_view SignalName(int number);
// Octal permission bits, at most 07777.
std::optional<std::uint32_t> ParseMode(std::string_view text);

struct Limit {
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
};
// "N", "SOFT:HARD" or "infinity", with K, M, G, T suffixes (base 1024).
std::optional<Limit> ParseLimit(std::string_view text);

// The number of "CAP_SYS_TIME" (any case); nullopt when there is none.
std::optional<int> ParseCapability(std::string_view text);

}  // namespace inro::unit
