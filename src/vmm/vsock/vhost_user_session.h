// One connection of a VMM to the device: reads vhost-user messages, answers them, and keeps what
// they set up.
//
// A ring is *ready* when memory, addresses, size, kick descriptor and (where protocol features were
// negotiated) enablement are there. States of the device as the session sees it:
//   setup    not both rings are ready
//   running  both are; entered by OnStart(), left by OnStop() when either ceases to be ready
// Invariant: between OnStart() and OnStop() memory() and ring() do not change, except that new
// memory is announced by a stop before it and a start after it.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "vmm/vsock/guest_memory.h"
#include "vmm/vsock/vhost_user_protocol.h"
#include "vmm/vsock/virtqueue.h"

namespace inro::vmm {

// What a vhost-user vsock back end serves: receive and transmit, as the guest sees them. The event
// queue stays with the VMM.
inline constexpr std::size_t kReceiveQueue = 0;
inline constexpr std::size_t kTransmitQueue = 1;
inline constexpr std::size_t kQueueCount = 2;

class VhostUserSession {
 public:
  struct Ring {
    RingAddresses addresses;
    UniqueFd kick;
    UniqueFd call;
    bool has_addresses = false;
    bool enabled = false;
  };

  // What the session tells the device; called from within HandleReadable().
  class Listener {
   public:
    virtual ~Listener() = default;
    // Both rings are ready.
    virtual Result<> OnStart() = 0;
    // Rings are about to change. Gives for each ring the index where it would go on.
    virtual std::array<std::uint16_t, kQueueCount> OnStop() = 0;
    // The call descriptor of a running ring was replaced, or its kick descriptor.
    virtual void OnRingDescriptors() = 0;
    // The VMM asked for a reset: nothing that was before may go on.
    virtual void OnReset() = 0;
  };

  // `socket` is a connected Unix stream socket. `listener` outlives the session.
  VhostUserSession(UniqueFd socket, std::uint64_t guest_cid, Listener& listener);
  ~VhostUserSession();

  int fd() const { return socket_.get(); }
  // Serves all messages that have arrived. Error kClosed: the VMM went away; any other: it broke
  // the protocol. The session is of no use after either.
  Result<> HandleReadable();

  const GuestMemory& memory() const { return memory_; }
  const Ring& ring(std::size_t index) const { return rings_[index]; }
  std::uint64_t features() const { return features_; }

 private:
  Result<bool> Receive();
  Result<> Serve();
  Result<> ServeRing(VhostUserRequest request, std::span<const std::byte> payload);
  Result<> ServeRingDescriptor(VhostUserRequest request, std::span<const std::byte> payload);
  Result<> ServeMemoryTable(std::span<const std::byte> payload);
  Result<> ServeConfig(std::span<const std::byte> payload);
  Result<> Reply(std::span<const std::byte> payload);
  Result<> ReplyU64(std::uint64_t value);
  Result<> Update();
  void StopRings();
  void Reset();
  bool Ready() const;

  UniqueFd socket_;
  std::uint64_t guest_cid_;
  Listener& listener_;
  GuestMemory memory_;
  std::array<Ring, kQueueCount> rings_;
  std::uint64_t features_ = 0;
  std::uint64_t protocol_features_ = 0;
  bool running_ = false;

  // The message that is being received.
  VhostUserHeader header_;
  std::vector<std::byte> received_;
  std::deque<UniqueFd> descriptors_;
  bool replied_ = false;
};

}  // namespace inro::vmm
