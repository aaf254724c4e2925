// Guest memory for fuzz targets: 64 KiB from address 0, filled with the input.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "vmm/vsock/guest_memory.h"

namespace inro::vmm {

struct FuzzMemory {
  static constexpr std::uint64_t kSize = 65536;
  UniqueFd fd{memfd_create("fuzz", MFD_CLOEXEC)};
  GuestMemory memory;
  FuzzMemory() {
    if (ftruncate(fd.get(), kSize) != 0 || !memory.Map({0, kSize, 0, 0}, fd)) std::abort();
  }
  void Fill(const std::uint8_t* data, std::size_t size) {
    std::byte* all = memory.AtGuestAddress(0, kSize);
    std::memset(all, 0, kSize);
    if (size > 0) std::memcpy(all, data, std::min<std::size_t>(size, kSize));
  }
};

}  // namespace inro::vmm
