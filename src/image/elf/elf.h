// Reads what is needed of ELF files (System V ABI, chapters 4 and 5): the dynamic section of
// programs and libraries, and named sections of kernel modules. Bytes are not trusted: every offset
// is checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace inro::image {

struct ElfFacts {
  bool is_64_bit = false;
  std::uint16_t type = 0;           // ET_EXEC 2, ET_DYN 3, ET_REL 1
  std::uint16_t machine = 0;        // EM_X86_64 62, EM_386 3, EM_AARCH64 183
  bool dynamic = false;             // has a dynamic section
  std::string interpreter;          // of PT_INTERP; empty for libraries and static programs
  std::string soname;               // DT_SONAME; empty when absent
  std::vector<std::string> needed;  // DT_NEEDED, in order
};

// True when the bytes begin as an ELF file does.
bool IsElf(std::string_view bytes);

// The facts of a little-endian ELF file; nothing when the bytes are none or are damaged.
std::optional<ElfFacts> ReadElf(std::string_view bytes);

// The content of the first section of that name in a 64-bit little-endian file; a view into
// `bytes`. Nothing when it is absent or damaged.
std::optional<std::string_view> FindElfSection(std::string_view bytes, std::string_view name);

}  // namespace inro::image
