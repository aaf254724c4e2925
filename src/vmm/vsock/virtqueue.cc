#include "vmm/vsock/virtqueue.h"

#include <atomic>
#include <bit>
#include <cstring>

namespace inro::vmm {
namespace {

constexpr std::uint16_t kDescNext = 1;
constexpr std::uint16_t kDescWrite = 2;
constexpr std::uint16_t kDescIndirect = 4;
constexpr std::uint16_t kAvailableNoInterrupt = 1;
constexpr std::uint16_t kUsedNoNotify = 1;

std::atomic_ref<std::uint16_t> Shared16(std::byte* at) {
  return std::atomic_ref<std::uint16_t>(*reinterpret_cast<std::uint16_t*>(at));
}

bool Aligned(const std::byte* at, std::uintptr_t alignment) {
  return reinterpret_cast<std::uintptr_t>(at) % alignment == 0;
}

}  // namespace

Result<> Virtqueue::Start(const GuestMemory& memory, const RingAddresses& addresses,
                          std::uint64_t features) {
  descriptors_ = nullptr;
  const std::uint64_t size = addresses.size;
  if (!std::has_single_bit(size) || size > 32768) return Fail("a ring of {} entries", size);
  std::byte* descriptors = memory.AtUserAddress(addresses.descriptors, size * 16);
  std::byte* available = memory.AtUserAddress(addresses.available, 6 + size * 2);
  std::byte* used = memory.AtUserAddress(addresses.used, 6 + size * 8);
  if (descriptors == nullptr || available == nullptr || used == nullptr) {
    return Fail("a ring outside guest memory");
  }
  if (!Aligned(descriptors, 16) || !Aligned(available, 2) || !Aligned(used, 4)) {
    return Fail("a misaligned ring");
  }
  memory_ = &memory;
  descriptors_ = descriptors;
  available_ = available;
  used_ = used;
  size_ = addresses.size;
  next_available_ = seen_available_ = addresses.base;
  next_used_ = signalled_used_ = Shared16(used_ + 2).load(std::memory_order_relaxed);
  event_index_ = (features & kFeatureEventIndex) != 0;
  indirect_ = (features & kFeatureIndirect) != 0;
  broken_ = false;
  return {};
}

std::uint16_t Virtqueue::Stop() {
  descriptors_ = available_ = used_ = nullptr;
  memory_ = nullptr;
  return next_available_;
}

std::uint16_t Virtqueue::available_index() const {
  return Shared16(available_ + 2).load(std::memory_order_acquire);
}

Virtqueue::Popped Virtqueue::Pop(DescriptorChain& chain) {
  if (descriptors_ == nullptr || broken_) return Popped::kNone;
  if (next_available_ == seen_available_) {
    seen_available_ = available_index();
    if (next_available_ == seen_available_) return Popped::kNone;
  }
  if (static_cast<std::uint16_t>(seen_available_ - next_available_) > size_) {
    broken_ = true;
    return Popped::kNone;
  }
  const std::size_t slot = next_available_ & (size_ - 1U);
  chain.head = Shared16(available_ + 4 + slot * 2).load(std::memory_order_relaxed);
  chain.position = next_available_++;
  chain.readable.clear();
  chain.writable.clear();
  chain.readable_bytes = chain.writable_bytes = 0;
  if (chain.head >= size_) return Popped::kSkipped;
  return Walk(chain, descriptors_, size_, chain.head, false) ? Popped::kChain : Popped::kMalformed;
}

// Follows one descriptor table; an indirect one is entered once and must not lead on.
bool Virtqueue::Walk(DescriptorChain& chain, const std::byte* table, std::uint32_t entries,
                     std::uint32_t index, bool indirect) const {
  for (std::uint32_t steps = 0; steps < entries; ++steps) {
    Descriptor descriptor;
    std::memcpy(&descriptor, table + std::size_t{index} * 16, sizeof descriptor);
    // The guest may change the table while it is read: only this copy counts.
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if ((descriptor.flags & kDescIndirect) != 0) {
      const std::uint32_t inner = descriptor.length / 16;
      if (indirect || !indirect_ || (descriptor.flags & kDescNext) != 0 || inner == 0 ||
          descriptor.length % 16 != 0 || inner > size_) {
        return false;
      }
      const std::byte* inner_table = memory_->AtGuestAddress(descriptor.address, descriptor.length);
      return inner_table != nullptr && Walk(chain, inner_table, inner, 0, true);
    }
    if ((descriptor.flags & kDescWrite) != 0) {
      if (!memory_->AppendSegments(descriptor.address, descriptor.length, chain.writable)) {
        return false;
      }
      chain.writable_bytes += descriptor.length;
    } else {
      // What the device reads comes first.
      if (!chain.writable.empty()) return false;
      if (!memory_->AppendSegments(descriptor.address, descriptor.length, chain.readable)) {
        return false;
      }
      chain.readable_bytes += descriptor.length;
    }
    if ((descriptor.flags & kDescNext) == 0) return true;
    index = descriptor.next;
    if (index >= entries) return false;
  }
  return false;  // a loop
}

void Virtqueue::PushUsed(std::uint16_t head, std::uint32_t written) {
  std::byte* entry = used_ + 4 + std::size_t{next_used_ & (size_ - 1U)} * 8;
  const std::uint32_t id = head;
  std::memcpy(entry, &id, 4);
  std::memcpy(entry + 4, &written, 4);
  ++next_used_;
}

void Virtqueue::Publish() { Shared16(used_ + 2).store(next_used_, std::memory_order_release); }

bool Virtqueue::NeedsSignal() {
  if (signalled_used_ == next_used_) return false;
  const std::uint16_t before = signalled_used_;
  signalled_used_ = next_used_;
  // The index must be visible before the guest's wish is read, or both sides may sleep.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (!event_index_) {
    return (Shared16(available_).load(std::memory_order_relaxed) & kAvailableNoInterrupt) == 0;
  }
  const std::uint16_t event =
      Shared16(available_ + 4 + std::size_t{size_} * 2).load(std::memory_order_relaxed);
  return static_cast<std::uint16_t>(next_used_ - event - 1) <
         static_cast<std::uint16_t>(next_used_ - before);
}

bool Virtqueue::EnableKicks() {
  if (descriptors_ == nullptr || broken_) return false;
  if (event_index_) {
    Shared16(used_ + 4 + std::size_t{size_} * 8).store(next_available_, std::memory_order_relaxed);
  } else {
    Shared16(used_).store(0, std::memory_order_relaxed);
  }
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return available_index() != next_available_;
}

void Virtqueue::DisableKicks() {
  // With event indices a kick comes only when the index passes the last wish: nothing to do.
  if (descriptors_ == nullptr || event_index_) return;
  Shared16(used_).store(kUsedNoNotify, std::memory_order_relaxed);
}

}  // namespace inro::vmm
