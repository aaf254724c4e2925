// Values of directives: truth, time spans, sizes, signals, modes, resource limits
// (systemd.syntax(7), systemd.time(7), systemd.exec(5)). nullopt: not such a value.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

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

// "N" with an optional suffix K, M, G, T, P, E (base 1024), and a fraction: "1.5G".
std::optional<std::uint64_t> ParseSize(std::string_view text);
// "12.5%", "125‰" or "1250‱" in 1/10000 of the whole; may be over the whole.
std::optional<unsigned> ParsePermyriad(std::string_view text);
// Numbers and ranges ("0-3,5 7"), sorted, each once; at most up to 8191 (CPUs, nodes).
std::optional<std::vector<unsigned>> ParseNumberSet(std::string_view text);
// The code behind a name of systemd.exec(5), "PROCESS EXIT CODES": "TEMPFAIL", "NOPERMISSION".
std::optional<int> ParseExitStatus(std::string_view text);
// "EPERM" or a number from 1 to 4095.
std::optional<int> ParseErrno(std::string_view text);

// The number of "CAP_SYS_TIME" (any case); nullopt when there is none.
std::optional<int> ParseCapability(std::string_view text);

}  // namespace inro::unit
