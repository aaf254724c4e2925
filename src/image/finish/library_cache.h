// /etc/ld.so.cache in glibc's format "glibc-ld.so.cache1.1" (glibc's sysdeps/generic/dl-cache.h),
// made from the libraries of a tree in the order that ldconfig(8) takes them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "image/finish/rule.h"

namespace inro::image {

struct LibraryEntry {
  std::string name;  // what programs ask for: the soname
  std::string path;  // absolute
};

// The folders of /etc/ld.so.conf (with its include lines) and the built-in ones, absolute, each
// once.
std::vector<std::string> LibraryFolders(const Tree& tree, std::string_view multiarch);

// The libraries of these folders for an ELF machine (62 is x86-64, 183 AArch64), in cache order.
std::vector<LibraryEntry> FindLibraries(const Tree& tree, const std::vector<std::string>& folders,
                                        unsigned machine);

// The file's bytes. `flags` is the entries' type word (0x0303 for x86-64, 0x0a03 for AArch64);
// `generator` names the program and goes into the file as ldconfig's own name does.
std::string EncodeLibraryCache(const std::vector<LibraryEntry>& entries, std::uint32_t flags,
                               std::string_view generator);

// Writes the cache; nothing happens in a tree without glibc or of another machine.
Result<> ApplyLibraryCache(RuleContext& context);

}  // namespace inro::image
