// Bytes as guest memory in which a ring of 16 lies: descriptors at 0, available ring at 256, used
// ring at 512. Whatever a pop gives must lie inside that memory.
#include "vmm/vsock/fuzz_memory.h"
#include "vmm/vsock/virtqueue.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace inro::vmm;
  static FuzzMemory guest;
  guest.Fill(data, size);
  Virtqueue queue;
  if (!queue.Start(guest.memory, {0, 256, 512, 16, 0}, kFeatureIndirect | kFeatureEventIndex)) {
    std::abort();
  }
  const auto* start = guest.memory.AtGuestAddress(0, FuzzMemory::kSize);
  DescriptorChain chain;
  for (int i = 0; i < 64; ++i) {
    const Virtqueue::Popped popped = queue.Pop(chain);
    if (popped == Virtqueue::Popped::kNone) break;
    if (popped == Virtqueue::Popped::kSkipped) continue;
    if (popped == Virtqueue::Popped::kChain) {
      for (const auto* parts : {&chain.readable, &chain.writable}) {
        for (const iovec& part : *parts) {
          const auto* at = static_cast<const std::byte*>(part.iov_base);
          if (at < start || part.iov_len > FuzzMemory::kSize ||
              at + part.iov_len > start + FuzzMemory::kSize) {
            std::abort();
          }
        }
      }
    }
    queue.PushUsed(chain.head, 0);
    queue.Publish();
    queue.NeedsSignal();
  }
  queue.EnableKicks();
  return 0;
}
