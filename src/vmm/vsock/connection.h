// One connection between a host process and the guest: its state and its accounts. The engine moves
// it.
//
// States and what moves on from each:
//   handshake    the host's CONNECT line is awaited          -> held | requested, or gone
//   held         the guest's driver is not up                -> requested, or gone (hang-up, too
//   long) requested    a request went or goes to the guest         -> established, or gone (reset,
//   too long) dialing      the guest asked; the host's listener is full -> established, or gone
//   established  data flows; either side may end either way  -> closing | draining, or gone
//   closing      the host's end is gone, the guest was told  -> gone (its reset, or too long)
//   draining     the guest's end is gone, bytes for the host are left -> gone
// A restart of the guest's driver ends all but handshake and held; requested ones are held again.
//
// Invariants: `fd` is valid in all states but closing. Bytes that the guest sent and the host's
// socket did not take are at most `buffer_limit`. Counters are modulo 2^32, as on the wire.
#pragma once

#include <cstdint>
#include <vector>

#include "base/unique_fd.h"
#include "vmm/vsock/event_loop.h"
#include "vmm/vsock/packet.h"

namespace inro::vmm {

// Bytes on their way to a host socket that is full; memory is held only while there are some.
class PendingBytes {
 public:
  bool empty() const { return start_ == bytes_.size(); }
  std::size_t size() const { return bytes_.size() - start_; }
  const char* data() const { return bytes_.data() + start_; }
  void Append(const void* bytes, std::size_t size) {
    if (start_ > bytes_.size() / 2) {
      bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(start_));
      start_ = 0;
    }
    const char* from = static_cast<const char*>(bytes);
    bytes_.insert(bytes_.end(), from, from + size);
  }
  void Consume(std::size_t size) {
    start_ += size;
    if (empty()) Clear();
  }
  void Clear() {
    bytes_ = {};
    start_ = 0;
  }

 private:
  std::vector<char> bytes_;
  std::size_t start_ = 0;
};

struct Connection {
  enum class State { kHandshake, kHeld, kRequested, kDialing, kEstablished, kClosing, kDraining };

  // Packets that the guest is owed.
  static constexpr std::uint8_t kOweRequest = 1;
  static constexpr std::uint8_t kOweResponse = 2;
  static constexpr std::uint8_t kOweCredit = 4;
  static constexpr std::uint8_t kOweCreditRequest = 8;
  static constexpr std::uint8_t kOweShutdown = 16;

  std::uint64_t id = 0;  // never used again
  State state = State::kHandshake;
  UniqueFd fd;
  std::uint32_t host_port = 0;
  std::uint32_t guest_port = 0;
  Clock::time_point expires =
      Clock::time_point::max();  // when the present state is looked at again
  Clock::time_point give_up;     // on dialing

  std::uint8_t owed = 0;
  bool queued = false;        // stands in the engine's line for the guest's buffers
  bool requested = false;     // the guest has seen the request
  bool readable = false;      // the host's socket may have bytes or its end
  bool writable = true;       // the host's socket takes bytes
  bool watches_room = false;  // the event loop tells when it does again
  bool hung_up = false;       // the host closed both directions

  std::uint32_t host_shutdown = 0;       // what the host ended (kShutdown...)
  std::uint32_t host_shutdown_told = 0;  // what of it the guest was told
  std::uint32_t guest_shutdown = 0;      // what the guest ended

  // Host to guest.
  std::uint32_t sent = 0;
  std::uint32_t guest_buffer = 0;
  std::uint32_t guest_forwarded = 0;
  bool awaits_credit = false;  // has none, and a timer runs or the guest was asked
  // Guest to host.
  std::uint32_t buffer_limit = 0;
  std::uint32_t received = 0;
  std::uint32_t forwarded = 0;
  std::uint32_t forwarded_told = 0;
  PendingBytes pending;

  // What the guest can take now.
  std::uint32_t Credit() const {
    const std::uint32_t in_flight = sent - guest_forwarded;
    return in_flight >= guest_buffer ? 0 : guest_buffer - in_flight;
  }
  bool MayRead() const {
    return state == State::kEstablished && readable && (host_shutdown & kShutdownSend) == 0 &&
           (guest_shutdown & kShutdownReceive) == 0;
  }
};

}  // namespace inro::vmm
