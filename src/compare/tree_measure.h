// What can be counted in a root file system without booting it.
#pragma once

#include <cstdint>

#include "image/tree/tree.h"

namespace inro::compare {

struct TreeCounts {
  std::uint64_t unpacked_bytes = 0;  // sum of file sizes
  std::uint64_t files = 0;           // regular files
  std::uint64_t elf_programs = 0;    // ELF executables; libraries and kernel modules do not count
  std::uint64_t setuid_files = 0;    // setuid or setgid regular files
};

TreeCounts CountTree(const image::Tree& tree);

}  // namespace inro::compare
