#include "vmm/vsock/guest_memory.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace inro::vmm {
namespace {

bool Overflows(std::uint64_t start, std::uint64_t size) {
  std::uint64_t end = 0;
  return __builtin_add_overflow(start, size, &end);
}

bool Overlaps(std::uint64_t a, std::uint64_t a_size, std::uint64_t b, std::uint64_t b_size) {
  return a < b + b_size && b < a + a_size;
}

}  // namespace

GuestMemory& GuestMemory::operator=(GuestMemory&& other) noexcept {
  if (this != &other) {
    Unmap();
    mapped_ = std::exchange(other.mapped_, {});
  }
  return *this;
}

GuestMemory::~GuestMemory() { Unmap(); }

void GuestMemory::Unmap() {
  for (const Mapped& mapped : mapped_) munmap(mapped.mapping, mapped.mapping_size);
  mapped_.clear();
}

Result<> GuestMemory::Map(const MemoryRegion& region, const UniqueFd& fd) {
  if (mapped_.size() >= kMaxRegions) return Fail("more than {} memory regions", kMaxRegions);
  std::uint64_t file_end = 0;
  if (region.size == 0 || Overflows(region.guest_address, region.size) ||
      Overflows(region.user_address, region.size) ||
      __builtin_add_overflow(region.file_offset, region.size, &file_end)) {
    return Fail("memory region of {} bytes at {:#x} is empty or overflows", region.size,
                region.guest_address);
  }
  for (const Mapped& other : mapped_) {
    if (Overlaps(region.guest_address, region.size, other.region.guest_address,
                 other.region.size) ||
        Overlaps(region.user_address, region.size, other.region.user_address, other.region.size)) {
      return Fail("memory regions at {:#x} and {:#x} overlap", region.guest_address,
                  other.region.guest_address);
    }
  }
  // A mapping past the end of the file would raise SIGBUS when it is touched.
  struct stat info{};
  if (fstat(fd.get(), &info) != 0) return FailErrno("stat guest memory");
  if (info.st_size < 0 || static_cast<std::uint64_t>(info.st_size) < file_end) {
    return Fail("memory region at {:#x} is larger than its file", region.guest_address);
  }
  const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  const std::uint64_t lead = region.file_offset % page;
  const std::size_t mapping_size = region.size + lead;
  void* mapping = mmap(nullptr, mapping_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
                       fd.get(), static_cast<off_t>(region.file_offset - lead));
  if (mapping == MAP_FAILED) return FailErrno("map {} bytes of guest memory", region.size);
  // A dump of the device's process must not carry the guest's memory.
  madvise(mapping, mapping_size, MADV_DONTDUMP);
  mapped_.push_back({region, static_cast<std::byte*>(mapping) + lead, mapping, mapping_size});
  return {};
}

std::byte* GuestMemory::AtGuestAddress(std::uint64_t address, std::uint64_t size) const {
  for (const Mapped& mapped : mapped_) {
    const std::uint64_t offset = address - mapped.region.guest_address;
    if (address >= mapped.region.guest_address && offset < mapped.region.size &&
        size <= mapped.region.size - offset) {
      return mapped.start + offset;
    }
  }
  return nullptr;
}

std::byte* GuestMemory::AtUserAddress(std::uint64_t address, std::uint64_t size) const {
  for (const Mapped& mapped : mapped_) {
    const std::uint64_t offset = address - mapped.region.user_address;
    if (address >= mapped.region.user_address && offset < mapped.region.size &&
        size <= mapped.region.size - offset) {
      return mapped.start + offset;
    }
  }
  return nullptr;
}

bool GuestMemory::AppendSegments(std::uint64_t address, std::uint64_t size,
                                 std::vector<iovec>& segments) const {
  const std::size_t before = segments.size();
  while (size > 0) {
    const auto found = std::ranges::find_if(mapped_, [&](const Mapped& mapped) {
      return address >= mapped.region.guest_address &&
             address - mapped.region.guest_address < mapped.region.size;
    });
    if (found == mapped_.end()) {
      segments.resize(before);
      return false;
    }
    const std::uint64_t offset = address - found->region.guest_address;
    const std::uint64_t here = std::min(size, found->region.size - offset);
    segments.push_back({found->start + offset, here});
    address += here;
    size -= here;
  }
  return true;
}

}  // namespace inro::vmm
