// The buffers that the guest posted for packets from the host, parsed ahead and used in order.
#pragma once

#include <cstdint>
#include <vector>

#include "vmm/vsock/packet.h"
#include "vmm/vsock/statistics.h"
#include "vmm/vsock/virtqueue.h"

namespace inro::vmm {

class ReceiveBuffers {
 public:
  ReceiveBuffers(Virtqueue& queue, VsockStatistics& statistics)
      : queue_(queue), statistics_(statistics) {}

  // Makes at least `count` buffers ready if the guest posted so many; says how many are. Buffers
  // with no room for a header, or with parts to be read, are given back unused.
  std::size_t Prefetch(std::size_t count);
  // Appends the payload room of the first buffers to `room`: as many as hold `bytes`, at most
  // `buffers` and `segments`. Says how many bytes that is.
  std::size_t PayloadRoom(std::uint64_t bytes, std::size_t buffers, std::size_t segments,
                          std::vector<iovec>& room);
  // The payload room of the first buffer; one must be ready.
  std::uint64_t FirstRoom() const { return at(0).writable_bytes - sizeof(PacketHeader); }
  // Uses the first buffer for a packet whose payload of header.len bytes is in it already.
  void Use(const PacketHeader& header);
  std::size_t ready() const { return count_; }

  // Gives the ready buffers back to the ring, unread.
  void Rewind();

 private:
  const DescriptorChain& at(std::size_t index) const {
    return chains_[(first_ + index) % chains_.size()];
  }
  Virtqueue& queue_;
  VsockStatistics& statistics_;
  std::vector<DescriptorChain> chains_;  // a ring
  std::size_t first_ = 0;
  std::size_t count_ = 0;
};

}  // namespace inro::vmm
