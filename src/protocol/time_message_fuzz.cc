// A request or answer of the host's clock: what is taken is written back as it was.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "protocol/time_message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < inro::protocol::kTimeMessageSize) return 0;
  const std::span<const std::uint8_t, inro::protocol::kTimeMessageSize> bytes(
      data, inro::protocol::kTimeMessageSize);
  const auto message = inro::protocol::ParseTimeMessage(bytes);
  if (!message) return 0;
  const inro::protocol::TimeBytes again = Encode(*message);
  if (std::memcmp(again.data(), data, again.size()) != 0) std::abort();
  const auto offset = inro::protocol::OffsetOf(message->t1, message->t2, message->t3,
                                               static_cast<std::int64_t>(message->sequence));
  if (message->t1 == message->t2 && message->t2 == message->t3 &&
      static_cast<std::int64_t>(message->sequence) == message->t3 && offset.offset != 0) {
    std::abort();
  }
  return 0;
}
