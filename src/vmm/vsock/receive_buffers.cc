#include "vmm/vsock/receive_buffers.h"

#include <algorithm>
#include <cstring>

namespace inro::vmm {
namespace {

constexpr std::size_t kMaxReady = 128;
constexpr std::size_t kMaxSegments = 256;  // of one buffer

}  // namespace

std::size_t ReceiveBuffers::Prefetch(std::size_t count) {
  if (chains_.empty()) chains_.resize(kMaxReady);
  count = std::min(count, chains_.size());
  while (count_ < count) {
    DescriptorChain& chain = chains_[(first_ + count_) % chains_.size()];
    switch (queue_.Pop(chain)) {
      case Virtqueue::Popped::kNone:
        return count_;
      case Virtqueue::Popped::kSkipped:
        break;
      case Virtqueue::Popped::kChain:
        if (chain.readable.empty() && chain.writable_bytes > sizeof(PacketHeader) &&
            chain.writable.size() <= kMaxSegments) {
          ++count_;
          continue;
        }
        [[fallthrough]];
      case Virtqueue::Popped::kMalformed:
        queue_.PushUsed(chain.head, 0);
        break;
    }
    statistics_.malformed_chains.Add();
  }
  return count_;
}

std::size_t ReceiveBuffers::PayloadRoom(std::uint64_t bytes, std::size_t buffers,
                                        std::size_t segments, std::vector<iovec>& room) {
  std::size_t total = 0;
  for (std::size_t i = 0; i < std::min(buffers, count_) && bytes > 0; ++i) {
    std::size_t skip = sizeof(PacketHeader);
    const std::vector<iovec>& parts = at(i).writable;
    if (room.size() + parts.size() > segments) break;
    for (const iovec& part : parts) {
      const std::size_t lead = std::min(skip, part.iov_len);
      skip -= lead;
      const std::size_t size = std::min<std::uint64_t>(part.iov_len - lead, bytes);
      if (size == 0) continue;
      room.push_back({static_cast<char*>(part.iov_base) + lead, size});
      bytes -= size;
      total += size;
    }
  }
  return total;
}

void ReceiveBuffers::Use(const PacketHeader& header) {
  const DescriptorChain& chain = at(0);
  const char* from = reinterpret_cast<const char*>(&header);
  std::size_t left = sizeof header;
  for (const iovec& part : chain.writable) {
    const std::size_t size = std::min(left, part.iov_len);
    std::memcpy(part.iov_base, from, size);
    from += size;
    left -= size;
    if (left == 0) break;
  }
  queue_.PushUsed(chain.head, static_cast<std::uint32_t>(sizeof header) + header.len);
  first_ = (first_ + 1) % chains_.size();
  --count_;
}

void ReceiveBuffers::Rewind() {
  if (count_ == 0) return;
  queue_.RewindTo(at(0).position);
  first_ = count_ = 0;
}

}  // namespace inro::vmm
