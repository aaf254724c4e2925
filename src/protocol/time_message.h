// How a guest asks its host for the time: one exchange of four time stamps, as in NTP (RFC 5905,
// section 8), over a stream to port 10123 of the host that stays open.
//
// Request and answer have the same 48 bytes, little-endian:
//   0  magic    "iTIM"
//   4  version  u16, 1
//   6  kind     u16: 1 request, 2 answer
//   8  sequence u64, chosen by the guest, echoed
//  16  t1 i64   guest's clock when the request left; echoed
//  24  t2 i64   host's clock when it arrived; 0 in a request
//  32  t3 i64   host's clock when the answer left; 0 in a request
//  40  flags u32  in an answer: bit 0 when the host's own clock is synchronised; else 0
//  44  zero u32
// Clocks are CLOCK_REALTIME in nanoseconds since 1970. A message that is anything else ends the
// connection, at either end: there is no way back into step.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace inro::protocol {

inline constexpr std::uint32_t kTimePort = 10123;
inline constexpr std::size_t kTimeMessageSize = 48;
inline constexpr std::uint32_t kHostIsSynchronised = 1;

struct TimeMessage {
  enum class Kind : std::uint16_t { kRequest = 1, kAnswer = 2 } kind = Kind::kRequest;
  std::uint64_t sequence = 0;
  std::int64_t t1 = 0;
  std::int64_t t2 = 0;
  std::int64_t t3 = 0;
  std::uint32_t flags = 0;

  bool operator==(const TimeMessage&) const = default;
};

using TimeBytes = std::array<std::uint8_t, kTimeMessageSize>;

TimeBytes Encode(const TimeMessage& message);
// Nothing when a field has a value that is not described above.
std::optional<TimeMessage> ParseTimeMessage(std::span<const std::uint8_t, kTimeMessageSize> bytes);

// What four time stamps say, in nanoseconds. `offset` is to be added to the guest's clock; its
// error is at most half of `round_trip`. Both are exact or, when the stamps are so far apart that
// they overflow, at the end of their range.
struct TimeOffset {
  std::int64_t offset = 0;
  std::int64_t round_trip = 0;
};
TimeOffset OffsetOf(std::int64_t t1, std::int64_t t2, std::int64_t t3, std::int64_t t4);

}  // namespace inro::protocol
