#include "image/elf/elf.h"

#include <elf.h>

#include <algorithm>
#include <cstring>

namespace inro::image {
namespace {

// A structure at an offset; nothing when it would reach over the end.
template <class T>
std::optional<T> At(std::string_view bytes, std::uint64_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

std::optional<std::string_view> Slice(std::string_view bytes, std::uint64_t offset,
                                      std::uint64_t size) {
  if (offset > bytes.size() || bytes.size() - offset < size) return std::nullopt;
  return bytes.substr(offset, size);
}

// The text at an offset up to its NUL; empty when there is none.
std::string_view TextAt(std::string_view table, std::uint64_t offset) {
  if (offset >= table.size()) return {};
  const std::string_view rest = table.substr(offset);
  const std::size_t end = rest.find('\0');
  return end == std::string_view::npos ? std::string_view() : rest.substr(0, end);
}

struct Class32 {
  using Header = Elf32_Ehdr;
  using Segment = Elf32_Phdr;
  using Dynamic = Elf32_Dyn;
};
struct Class64 {
  using Header = Elf64_Ehdr;
  using Segment = Elf64_Phdr;
  using Dynamic = Elf64_Dyn;
};

template <class C>
bool ReadSegments(std::string_view bytes, ElfFacts& facts) {
  const auto header = At<typename C::Header>(bytes, 0);
  if (!header) return false;
  facts.type = header->e_type;
  facts.machine = header->e_machine;
  std::vector<typename C::Segment> segments;
  for (unsigned i = 0; i < header->e_phnum; ++i) {
    const std::uint64_t step = std::uint64_t{i} * header->e_phentsize;
    const auto segment = At<typename C::Segment>(bytes, header->e_phoff + step);
    if (!segment) return false;
    segments.push_back(*segment);
  }
  // Where an address of the program lies in the file.
  const auto to_offset = [&](std::uint64_t address) -> std::optional<std::uint64_t> {
    for (const auto& segment : segments) {
      if (segment.p_type == PT_LOAD && address >= segment.p_vaddr &&
          address - segment.p_vaddr < segment.p_filesz) {
        return segment.p_offset + (address - segment.p_vaddr);
      }
    }
    return std::nullopt;
  };
  std::vector<std::uint64_t> needed;
  std::optional<std::uint64_t> soname;
  std::uint64_t strings = 0;
  std::uint64_t strings_size = 0;
  for (const auto& segment : segments) {
    if (segment.p_type == PT_INTERP) {
      const auto text = Slice(bytes, segment.p_offset, segment.p_filesz);
      if (text) facts.interpreter = std::string(TextAt(*text, 0));
    }
    if (segment.p_type != PT_DYNAMIC) continue;
    facts.dynamic = true;
    for (std::uint64_t at = 0; at + sizeof(typename C::Dynamic) <= segment.p_filesz;
         at += sizeof(typename C::Dynamic)) {
      const auto entry = At<typename C::Dynamic>(bytes, segment.p_offset + at);
      if (!entry) return false;
      if (entry->d_tag == DT_NULL) break;
      if (entry->d_tag == DT_NEEDED) needed.push_back(entry->d_un.d_val);
      if (entry->d_tag == DT_SONAME) soname = entry->d_un.d_val;
      if (entry->d_tag == DT_STRTAB) strings = entry->d_un.d_ptr;
      if (entry->d_tag == DT_STRSZ) strings_size = entry->d_un.d_val;
    }
  }
  if (const auto offset = to_offset(strings)) {
    if (const auto table = Slice(bytes, *offset, strings_size)) {
      for (const std::uint64_t name : needed) facts.needed.emplace_back(TextAt(*table, name));
      if (soname) facts.soname = std::string(TextAt(*table, *soname));
    }
  }
  return true;
}

}  // namespace

bool IsElf(std::string_view bytes) {
  return bytes.starts_with(
      "\x7f"
      "ELF");
}

std::optional<ElfFacts> ReadElf(std::string_view bytes) {
  if (!IsElf(bytes) || bytes.size() < EI_NIDENT || bytes[EI_DATA] != ELFDATA2LSB) {
    return std::nullopt;
  }
  ElfFacts facts;
  facts.is_64_bit = bytes[EI_CLASS] == ELFCLASS64;
  const bool good =
      facts.is_64_bit ? ReadSegments<Class64>(bytes, facts) : ReadSegments<Class32>(bytes, facts);
  if (!good) return std::nullopt;
  return facts;
}

std::optional<std::string_view> FindElfSection(std::string_view bytes, std::string_view name) {
  if (!IsElf(bytes) || bytes.size() < EI_NIDENT || bytes[EI_DATA] != ELFDATA2LSB ||
      bytes[EI_CLASS] != ELFCLASS64) {
    return std::nullopt;
  }
  const auto header = At<Elf64_Ehdr>(bytes, 0);
  if (!header) return std::nullopt;
  const auto section_at = [&](unsigned index) {
    const std::uint64_t step = std::uint64_t{index} * header->e_shentsize;
    return At<Elf64_Shdr>(bytes, header->e_shoff + step);
  };
  const auto names_section = section_at(header->e_shstrndx);
  if (!names_section) return std::nullopt;
  const auto names = Slice(bytes, names_section->sh_offset, names_section->sh_size);
  if (!names) return std::nullopt;
  for (unsigned i = 0; i < header->e_shnum; ++i) {
    const auto section = section_at(i);
    if (!section) return std::nullopt;
    if (section->sh_type == SHT_NOBITS || TextAt(*names, section->sh_name) != name) continue;
    return Slice(bytes, section->sh_offset, section->sh_size);
  }
  return std::nullopt;
}

}  // namespace inro::image
