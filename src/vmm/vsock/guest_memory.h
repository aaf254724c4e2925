// The guest's memory, mapped from the descriptors that the VMM passes.
//
// Everything that the guest names by an address goes through here; an address range that is not
// wholly inside the guest's memory is refused, never clipped.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace inro::vmm {

// One region as vhost-user describes it.
struct MemoryRegion {
  std::uint64_t guest_address = 0;  // guest physical
  std::uint64_t size = 0;
  std::uint64_t user_address = 0;  // where the VMM has it mapped; ring addresses are given so
  std::uint64_t file_offset = 0;
};

// Owns the mappings. Not thread-safe; movable.
class GuestMemory {
 public:
  static constexpr std::size_t kMaxRegions = 8;

  GuestMemory() = default;
  GuestMemory(GuestMemory&&) noexcept = default;
  GuestMemory& operator=(GuestMemory&& other) noexcept;
  GuestMemory(const GuestMemory&) = delete;
  GuestMemory& operator=(const GuestMemory&) = delete;
  ~GuestMemory();

  // Maps a region of `fd` shared, readable and writable. Refused: an empty or overflowing region,
  // one that the file does not hold in full, one that overlaps an earlier one, more than
  // kMaxRegions.
  Result<> Map(const MemoryRegion& region, const UniqueFd& fd);

  // The bytes at a guest physical address, or null unless [address, address + size) lies in one
  // region.
  std::byte* AtGuestAddress(std::uint64_t address, std::uint64_t size) const;
  // The same for an address in the VMM's address space.
  std::byte* AtUserAddress(std::uint64_t address, std::uint64_t size) const;

  // Appends the segments of a guest range to `segments` (more than one where it crosses adjacent
  // regions). False, and nothing appended, if a byte of it is outside guest memory.
  bool AppendSegments(std::uint64_t address, std::uint64_t size,
                      std::vector<iovec>& segments) const;

  bool empty() const { return mapped_.empty(); }

 private:
  struct Mapped {
    MemoryRegion region;
    std::byte* start = nullptr;  // of the region
    void* mapping = nullptr;     // page-aligned
    std::size_t mapping_size = 0;
  };
  void Unmap();

  std::vector<Mapped> mapped_;
};

}  // namespace inro::vmm
