#include "protocol/time_message.h"

#include <algorithm>
#include <concepts>
#include <limits>

namespace inro::protocol {
namespace {

constexpr std::uint32_t kMagic = 0x4d495469;  // "iTIM"
constexpr std::uint16_t kVersion = 1;

template <std::integral T>
void Put(TimeBytes& bytes, std::size_t at, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    bytes[at + i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> (8 * i));
  }
}

template <std::integral T>
T Get(std::span<const std::uint8_t, kTimeMessageSize> bytes, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value |= static_cast<std::uint64_t>(bytes[at + i]) << (8 * i);
  }
  return static_cast<T>(value);
}

// Two differences of 64-bit numbers, and their sum, need 66 bits.
__extension__ typedef __int128 Wide;

std::int64_t Narrow(Wide value) {
  constexpr Wide kLeast = std::numeric_limits<std::int64_t>::min();
  constexpr Wide kMost = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::clamp(value, kLeast, kMost));
}

}  // namespace

TimeBytes Encode(const TimeMessage& message) {
  TimeBytes bytes{};
  Put(bytes, 0, kMagic);
  Put(bytes, 4, kVersion);
  Put(bytes, 6, static_cast<std::uint16_t>(message.kind));
  Put(bytes, 8, message.sequence);
  Put(bytes, 16, message.t1);
  Put(bytes, 24, message.t2);
  Put(bytes, 32, message.t3);
  Put(bytes, 40, message.flags);
  return bytes;
}

std::optional<TimeMessage> ParseTimeMessage(std::span<const std::uint8_t, kTimeMessageSize> bytes) {
  const auto kind = Get<std::uint16_t>(bytes, 6);
  if (Get<std::uint32_t>(bytes, 0) != kMagic || Get<std::uint16_t>(bytes, 4) != kVersion ||
      Get<std::uint32_t>(bytes, 44) != 0 || (kind != 1 && kind != 2)) {
    return std::nullopt;
  }
  const TimeMessage message{.kind = static_cast<TimeMessage::Kind>(kind),
                            .sequence = Get<std::uint64_t>(bytes, 8),
                            .t1 = Get<std::int64_t>(bytes, 16),
                            .t2 = Get<std::int64_t>(bytes, 24),
                            .t3 = Get<std::int64_t>(bytes, 32),
                            .flags = Get<std::uint32_t>(bytes, 40)};
  const bool request = message.kind == TimeMessage::Kind::kRequest;
  if (request && (message.t2 != 0 || message.t3 != 0 || message.flags != 0)) return std::nullopt;
  if ((message.flags & ~kHostIsSynchronised) != 0) return std::nullopt;
  return message;
}

TimeOffset OffsetOf(std::int64_t t1, std::int64_t t2, std::int64_t t3, std::int64_t t4) {
  const Wide there = Wide(t2) - t1;
  const Wide back = Wide(t3) - t4;
  return {.offset = Narrow((there + back) / 2),
          .round_trip = Narrow((Wide(t4) - t1) - (Wide(t3) - t2))};
}

}  // namespace inro::protocol
