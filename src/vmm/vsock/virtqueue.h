// The device's side of a split virtqueue (VIRTIO 1.1, section 2.6), with indirect descriptors and
// event indices.
//
// The rings lie in memory that a hostile guest writes while they are read: every field is read
// once, every index is checked, every walk is bounded by the queue's size.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "vmm/vsock/guest_memory.h"

namespace inro::vmm {

inline constexpr std::uint64_t kFeatureIndirect = std::uint64_t{1} << 28;
inline constexpr std::uint64_t kFeatureEventIndex = std::uint64_t{1} << 29;
inline constexpr std::uint64_t kFeatureVersion1 = std::uint64_t{1} << 32;

// Where a ring is, in the VMM's address space, and where to go on in it.
struct RingAddresses {
  std::uint64_t descriptors = 0;
  std::uint64_t available = 0;
  std::uint64_t used = 0;
  std::uint16_t size = 0;  // a power of two
  std::uint16_t base = 0;  // index of the next available entry to read
};

// What the driver made available as one buffer: what the device reads, then what it writes. Reused
// from pop to pop, so that it allocates only at first.
struct DescriptorChain {
  std::uint16_t head = 0;
  std::uint16_t position = 0;  // of its entry in the available ring
  std::vector<iovec> readable;
  std::vector<iovec> writable;
  std::uint64_t readable_bytes = 0;
  std::uint64_t writable_bytes = 0;
};

class Virtqueue {
 public:
  enum class Popped {
    kNone,       // nothing is available
    kChain,      // `chain` is set
    kMalformed,  // only `chain.head` is set: give it back by PushUsed(head, 0)
    kSkipped,    // an entry that names no descriptor: there is nothing to give back
  };

  // Starts on a ring in `memory`, which must outlive the queue's use of it. Errors: a size that is
  // no power of two, a ring that is misaligned or outside guest memory.
  Result<> Start(const GuestMemory& memory, const RingAddresses& addresses, std::uint64_t features);
  // Gives up the ring; says where to go on: the index of the next available entry.
  std::uint16_t Stop();
  bool running() const { return descriptors_ != nullptr; }
  // The guest moved its index by more than the ring holds: nothing more is taken until a new start.
  bool broken() const { return broken_; }
  std::uint16_t size() const { return size_; }

  Popped Pop(DescriptorChain& chain);
  // The next pop gives the chain that was popped at `position` again.
  void RewindTo(std::uint16_t position) { next_available_ = position; }

  // Gives a chain back with `written` bytes in it; visible to the guest at Publish().
  void PushUsed(std::uint16_t head, std::uint32_t written);
  void Publish();
  // After Publish(): whether the guest wants to be told about what was published since the last
  // call.
  bool NeedsSignal();
  // Published entries that NeedsSignal() was not yet asked about.
  std::uint16_t unsignalled() const {
    return static_cast<std::uint16_t>(next_used_ - signalled_used_);
  }

  // Asks the guest to kick at the next available entry. True: one is there already, no kick will
  // come.
  bool EnableKicks();
  void DisableKicks();

 private:
  struct Descriptor {
    std::uint64_t address;
    std::uint32_t length;
    std::uint16_t flags;
    std::uint16_t next;
  };
  bool Walk(DescriptorChain& chain, const std::byte* table, std::uint32_t entries,
            std::uint32_t index, bool indirect) const;
  std::uint16_t available_index() const;

  const GuestMemory* memory_ = nullptr;
  std::byte* descriptors_ = nullptr;
  std::byte* available_ = nullptr;
  std::byte* used_ = nullptr;
  std::uint16_t size_ = 0;
  std::uint16_t next_available_ = 0;
  std::uint16_t seen_available_ = 0;  // a cached copy of the guest's index
  std::uint16_t next_used_ = 0;
  std::uint16_t signalled_used_ = 0;
  bool event_index_ = false;
  bool indirect_ = false;
  bool broken_ = false;
};

}  // namespace inro::vmm
