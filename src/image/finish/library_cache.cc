#include "image/finish/library_cache.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "image/elf/elf.h"
#include "image/finish/text_lines.h"

namespace inro::image {
namespace {

constexpr std::string_view kMagic = "glibc-ld.so.cache1.1";
constexpr std::size_t kHeaderSize = 48;
constexpr std::size_t kEntrySize = 24;
constexpr std::uint32_t kExtensionMagic = 0xeaa42174;
constexpr char kLittleEndian = 2;

struct Machine {
  unsigned elf;
  std::uint32_t flags;
  std::string_view multiarch;
  std::string_view loader;  // its presence says that glibc of this machine is in the tree
};
constexpr Machine kMachines[] = {
    {62, 0x0303, "x86_64-linux-gnu", "lib64/ld-linux-x86-64.so.2"},
    {183, 0x0a03, "aarch64-linux-gnu", "lib/ld-linux-aarch64.so.1"},
};

void PutWord(std::string& bytes, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(value >> shift & 0xff);
}

// glibc's order of library names: digits compare as numbers and sort behind other characters.
int CompareNames(std::string_view a, std::string_view b) {
  const auto digit = [](std::string_view text, std::size_t at) {
    return at < text.size() && text[at] >= '0' && text[at] <= '9';
  };
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size()) {
    if (digit(a, i) != digit(b, j)) return digit(a, i) ? 1 : -1;
    if (digit(a, i)) {
      std::uint64_t x = 0;
      std::uint64_t y = 0;
      while (digit(a, i)) x = x * 10 + static_cast<unsigned>(a[i++] - '0');
      while (digit(b, j)) y = y * 10 + static_cast<unsigned>(b[j++] - '0');
      if (x != y) return x < y ? -1 : 1;
      continue;
    }
    const int left = static_cast<unsigned char>(a[i]);
    const int right = j < b.size() ? static_cast<unsigned char>(b[j]) : 0;
    if (left != right) return left - right;
    ++i;
    ++j;
  }
  return j < b.size() ? -1 : 0;
}

bool HasLibraryName(std::string_view name) {
  return (name.starts_with("lib") || name.starts_with("ld-")) &&
         name.find(".so") != std::string_view::npos && !name.ends_with("-gdb.py") &&
         !name.ends_with(".dpkg-new") && !name.ends_with(".dpkg-tmp");
}

void ReadConfiguration(const Tree& tree, std::string_view path, int depth,
                       std::vector<std::string>& folders) {
  const auto text = tree.ReadFile(path);
  if (!text || depth > 8) return;
  for (std::string_view line : SplitLines(*text)) {
    line = TrimBlanks(line.substr(0, line.find('#')));
    if (line.starts_with("include ") || line.starts_with("include\t")) {
      for (std::string pattern : SplitWords(line.substr(8))) {
        if (pattern.starts_with('/'))
          pattern.erase(0, 1);
        else
          pattern.insert(0, "etc/");
        const std::size_t slash = pattern.rfind('/');
        for (const auto& [name, node] : tree.Children(pattern.substr(0, slash))) {
          const std::string file = fmt::format("{}/{}", pattern.substr(0, slash), name);
          if (MatchesGlob(pattern, file)) ReadConfiguration(tree, file, depth + 1, folders);
        }
      }
    } else if (line.starts_with('/')) {
      folders.emplace_back(line);
    }
  }
}

// A string table in which a string that ends another one shares its bytes.
std::map<std::string_view, std::uint32_t> LayOut(std::set<std::string_view>& strings,
                                                 std::string& bytes) {
  std::vector<std::string_view> order(strings.begin(), strings.end());
  // Falling, by the reversed strings; of two where one ends the other, the longer comes first.
  std::ranges::sort(order, [](std::string_view a, std::string_view b) {
    const std::size_t common = std::min(a.size(), b.size());
    for (std::size_t i = 1; i <= common; ++i) {
      const auto left = static_cast<unsigned char>(a[a.size() - i]);
      const auto right = static_cast<unsigned char>(b[b.size() - i]);
      if (left != right) return left > right;
    }
    return a.size() > b.size();
  });
  std::map<std::string_view, std::uint32_t> offsets;
  std::string_view last;
  std::uint32_t last_offset = 0;
  for (const std::string_view text : order) {
    if (!last.empty() && last.ends_with(text)) {
      last_offset += static_cast<std::uint32_t>(last.size() - text.size());
    } else {
      last_offset = static_cast<std::uint32_t>(bytes.size());
      bytes += text;
      bytes += '\0';
    }
    last = text;
    offsets[text] = last_offset;
  }
  return offsets;
}

}  // namespace

std::vector<std::string> LibraryFolders(const Tree& tree, std::string_view multiarch) {
  std::vector<std::string> named;
  ReadConfiguration(tree, "etc/ld.so.conf", 0, named);
  named.push_back(fmt::format("/lib/{}", multiarch));
  named.push_back(fmt::format("/usr/lib/{}", multiarch));
  named.emplace_back("/lib");
  named.emplace_back("/usr/lib");
  std::vector<std::string> folders;
  std::set<std::string> seen;  // the same folder may have several names
  for (const std::string& folder : named) {
    const auto resolved = tree.Resolve(folder);
    if (resolved && seen.insert(*resolved).second) folders.push_back(folder);
  }
  return folders;
}

std::vector<LibraryEntry> FindLibraries(const Tree& tree, const std::vector<std::string>& folders,
                                        unsigned machine) {
  std::vector<LibraryEntry> entries;
  for (const std::string& folder : folders) {
    const auto resolved = tree.Resolve(folder);
    if (!resolved) continue;
    std::set<std::string> sonames;
    for (const auto& [name, node] : tree.Children(*resolved)) {
      if (!HasLibraryName(name)) continue;
      const auto bytes = tree.ReadFile(fmt::format("{}/{}", *resolved, name));
      if (!bytes) continue;
      const auto facts = ReadElf(*bytes);
      if (!facts || facts->machine != machine || facts->type != 3 || !facts->dynamic) continue;
      sonames.insert(facts->soname.empty() ? name : facts->soname);
    }
    for (const std::string& soname : sonames) {
      entries.push_back({soname, fmt::format("{}/{}", folder, soname)});
    }
  }
  // Descending; among equals the order of the folders stays.
  std::vector<std::size_t> order(entries.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    const int names = CompareNames(entries[b].name, entries[a].name);
    return names != 0 ? names < 0 : a < b;
  });
  std::vector<LibraryEntry> sorted;
  for (const std::size_t at : order) sorted.push_back(std::move(entries[at]));
  return sorted;
}

std::string EncodeLibraryCache(const std::vector<LibraryEntry>& entries, std::uint32_t flags,
                               std::string_view generator) {
  std::set<std::string_view> texts;
  for (const LibraryEntry& entry : entries) {
    texts.insert(entry.name);
    texts.insert(entry.path);
  }
  std::string strings;
  const auto offsets = LayOut(texts, strings);
  const std::size_t strings_at = kHeaderSize + kEntrySize * entries.size();
  const std::size_t extension_at = (strings_at + strings.size() + 3) / 4 * 4;

  std::string bytes(kMagic);
  PutWord(bytes, static_cast<std::uint32_t>(entries.size()));
  PutWord(bytes, static_cast<std::uint32_t>(strings.size()));
  bytes += kLittleEndian;
  bytes.append(3, '\0');
  PutWord(bytes, static_cast<std::uint32_t>(extension_at));
  bytes.resize(kHeaderSize, '\0');
  for (const LibraryEntry& entry : entries) {
    PutWord(bytes, flags);
    PutWord(bytes, static_cast<std::uint32_t>(strings_at + offsets.at(entry.name)));
    PutWord(bytes, static_cast<std::uint32_t>(strings_at + offsets.at(entry.path)));
    bytes.append(12, '\0');  // the kernel version and the hardware capabilities, both unused
  }
  bytes += strings;
  bytes.resize(extension_at, '\0');
  // One extension: who made the file.
  PutWord(bytes, kExtensionMagic);
  PutWord(bytes, 1);
  PutWord(bytes, 0);
  PutWord(bytes, 0);
  PutWord(bytes, static_cast<std::uint32_t>(extension_at + 24));
  PutWord(bytes, static_cast<std::uint32_t>(generator.size()));
  bytes += generator;
  return bytes;
}

Result<> ApplyLibraryCache(RuleContext& context) {
  if (!context.options().library_cache) return {};
  for (const Machine& machine : kMachines) {
    if (!context.tree().Resolve(machine.loader)) continue;
    const auto folders = LibraryFolders(context.tree(), machine.multiarch);
    const auto entries = FindLibraries(context.tree(), folders, machine.elf);
    if (entries.empty()) return {};
    return context.Put("etc/ld.so.cache",
                       MakeFile(EncodeLibraryCache(entries, machine.flags, "inro"), 0644));
  }
  return {};
}

}  // namespace inro::image
