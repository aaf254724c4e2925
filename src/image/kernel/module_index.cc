#include "image/kernel/module_index.h"

#include <algorithm>
#include <optional>

namespace inro::image {
namespace {

constexpr std::uint32_t kMagic = 0xb007f457;
constexpr std::uint32_t kVersion = 0x00020001;
constexpr std::uint32_t kHasPrefix = 0x80000000;
constexpr std::uint32_t kHasValues = 0x40000000;
constexpr std::uint32_t kHasChildren = 0x20000000;
constexpr std::uint32_t kOffsetMask = 0x0fffffff;

void PutWord(std::string& bytes, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xff);
}

std::optional<std::uint32_t> WordAt(std::string_view bytes, std::size_t at) {
  if (at > bytes.size() || bytes.size() - at < 4) return std::nullopt;
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

std::optional<std::string_view> TextAt(std::string_view bytes, std::size_t at) {
  if (at > bytes.size()) return std::nullopt;
  const std::size_t end = bytes.find('\0', at);
  if (end == std::string_view::npos) return std::nullopt;
  return bytes.substr(at, end - at);
}

// "-" becomes "_" outside of brackets, as kmod does before it asks.
std::string NormalizeAlias(std::string_view alias) {
  std::string text(alias);
  bool in_brackets = false;
  for (char& c : text) {
    if (c == '[') in_brackets = true;
    if (c == ']') in_brackets = false;
    if (c == '-' && !in_brackets) c = '_';
  }
  return text;
}

// "fuse fuse c10:229" from the aliases "devname:fuse" and "char-major-10-229".
std::string DeviceNameLine(const IndexedModule& module) {
  std::string device;
  std::string number;
  for (const std::string& alias : module.info.aliases) {
    for (const auto& [start, letter] : {std::pair<std::string_view, char>{"char-major-", 'c'},
                                        std::pair<std::string_view, char>{"block-major-", 'b'}}) {
      if (!alias.starts_with(start)) continue;
      std::string digits = alias.substr(start.size());
      const std::size_t dash = digits.find('-');
      if (dash == std::string::npos || digits.find_first_not_of("0123456789-") != std::string::npos)
        continue;
      digits[dash] = ':';
      number = letter + digits;
    }
    if (alias.starts_with("devname:")) device = alias.substr(8);
  }
  if (device.empty() || number.empty()) return "";
  return fmt::format("{} {} {}\n", module.name, device, number);
}

}  // namespace

BinaryIndex::BinaryIndex() : nodes_(1) {}

void BinaryIndex::Insert(std::string_view key, std::string_view value, unsigned priority) {
  const bool ascii = std::ranges::all_of(key, [](char c) { return c > 0; });
  if (!ascii || value.find('\0') != std::string_view::npos) return;
  std::size_t at = 0;
  std::size_t i = 0;
  for (;;) {
    std::size_t same = 0;
    while (same < nodes_[at].prefix.size() && i + same < key.size() &&
           nodes_[at].prefix[same] == key[i + same]) {
      ++same;
    }
    if (same < nodes_[at].prefix.size()) {
      // Split: the node keeps the common part, a new child gets the rest.
      Node rest = std::move(nodes_[at]);
      const std::string prefix = std::move(rest.prefix);
      rest.prefix = prefix.substr(same + 1);
      nodes_.push_back(std::move(rest));
      nodes_[at] = Node{prefix.substr(0, same), {}, {}};
      nodes_[at].children[static_cast<unsigned char>(prefix[same])] = nodes_.size() - 1;
    }
    i += same;
    if (i == key.size()) break;
    const auto letter = static_cast<unsigned char>(key[i++]);
    const auto child = nodes_[at].children.find(letter);
    if (child != nodes_[at].children.end()) {
      at = child->second;
      continue;
    }
    nodes_.push_back(Node{std::string(key.substr(i)), {}, {}});
    nodes_[at].children[letter] = nodes_.size() - 1;
    at = nodes_.size() - 1;
    break;
  }
  auto& values = nodes_[at].values;
  const bool known =
      std::ranges::any_of(values, [&](const auto& pair) { return pair.second == value; });
  if (known) return;
  const auto place =
      std::ranges::find_if(values, [&](const auto& pair) { return pair.first >= priority; });
  values.insert(place, {priority, std::string(value)});
}

std::uint32_t BinaryIndex::EncodeNode(std::size_t index, std::string& bytes) const {
  const Node& node = nodes_[index];
  std::vector<std::uint32_t> offsets;
  unsigned char first = 0;
  if (!node.children.empty()) {
    first = node.children.begin()->first;
    const unsigned char last = node.children.rbegin()->first;
    offsets.assign(static_cast<std::size_t>(last - first) + 1, 0);
    for (const auto& [letter, child] : node.children) {
      offsets[static_cast<std::size_t>(letter - first)] = EncodeNode(child, bytes);
    }
  }
  auto offset = static_cast<std::uint32_t>(bytes.size());
  if (!node.prefix.empty()) {
    bytes += node.prefix;
    bytes += '\0';
    offset |= kHasPrefix;
  }
  if (!offsets.empty()) {
    bytes += static_cast<char>(first);
    bytes += static_cast<char>(static_cast<std::size_t>(first) + offsets.size() - 1);
    for (const std::uint32_t child : offsets) PutWord(bytes, child);
    offset |= kHasChildren;
  }
  if (!node.values.empty()) {
    PutWord(bytes, static_cast<std::uint32_t>(node.values.size()));
    for (const auto& [priority, value] : node.values) {
      PutWord(bytes, priority);
      bytes += value;
      bytes += '\0';
    }
    offset |= kHasValues;
  }
  return offset;
}

std::string BinaryIndex::Encode() const {
  std::string bytes;
  PutWord(bytes, kMagic);
  PutWord(bytes, kVersion);
  PutWord(bytes, 0);  // replaced by the root's offset
  const std::uint32_t root = EncodeNode(0, bytes);
  std::string word;
  PutWord(word, root);
  bytes.replace(8, 4, word);
  return bytes;
}

std::vector<std::string> LookUpBinaryIndex(std::string_view bytes, std::string_view key) {
  if (WordAt(bytes, 0) != kMagic || WordAt(bytes, 4) != kVersion) return {};
  auto offset = WordAt(bytes, 8);
  // A path from the root visits at most one node a letter.
  for (std::size_t step = 0; step <= key.size() + 1 && offset && *offset != 0; ++step) {
    std::size_t at = *offset & kOffsetMask;
    if ((*offset & kHasPrefix) != 0) {
      const auto prefix = TextAt(bytes, at);
      if (!prefix || !key.starts_with(*prefix)) return {};
      key.remove_prefix(prefix->size());
      at += prefix->size() + 1;
    }
    std::optional<std::uint32_t> next = 0;
    if ((*offset & kHasChildren) != 0) {
      if (at + 2 > bytes.size()) return {};
      const auto first = static_cast<unsigned char>(bytes[at]);
      const auto last = static_cast<unsigned char>(bytes[at + 1]);
      if (last < first) return {};
      at += 2;
      if (!key.empty()) {
        const auto letter = static_cast<unsigned char>(key[0]);
        if (letter < first || letter > last) return {};
        next = WordAt(bytes, at + std::size_t{4} * static_cast<std::size_t>(letter - first));
      }
      at += std::size_t{4} * (static_cast<std::size_t>(last - first) + 1);
    }
    if (key.empty()) {
      std::vector<std::string> values;
      if ((*offset & kHasValues) == 0) return {};
      const auto count = WordAt(bytes, at);
      at += 4;
      for (std::uint32_t i = 0; count && i < *count; ++i) {
        const auto value = TextAt(bytes, at + 4);
        if (!value) return {};
        values.emplace_back(*value);
        at += 4 + value->size() + 1;
      }
      return values;
    }
    key.remove_prefix(1);
    offset = next;
  }
  return {};
}

std::map<std::string, std::string> ModuleIndexFiles(
    const std::vector<IndexedModule>& modules, const std::vector<std::string>& builtin_names,
    const std::vector<std::pair<std::string, std::string>>& builtin_aliases) {
  std::string dep;
  std::string alias = "# Aliases of modules\n";
  std::string softdep = "# Soft dependencies of modules\n";
  std::string symbols = "# Symbols that modules export\n";
  std::string devname = "# Device nodes that load a module when they are opened\n";
  BinaryIndex dep_index;
  BinaryIndex alias_index;
  BinaryIndex symbol_index;
  BinaryIndex builtin_index;
  BinaryIndex builtin_alias_index;
  unsigned order = 0;
  for (const IndexedModule& module : modules) {
    const std::string line =
        fmt::format("{}:{}{}", module.path, module.dependency_paths.empty() ? "" : " ",
                    fmt::join(module.dependency_paths, " "));
    dep += line + "\n";
    dep_index.Insert(module.name, line, order);
    for (const std::string& name : module.info.aliases) {
      alias += fmt::format("alias {} {}\n", name, module.name);
      alias_index.Insert(NormalizeAlias(name), module.name, order);
    }
    for (const std::string& text : module.info.softdeps) {
      softdep += fmt::format("softdep {} {}\n", module.name, text);
    }
    for (const std::string& name : module.info.symbols) {
      symbols += fmt::format("alias symbol:{} {}\n", name, module.name);
      symbol_index.Insert("symbol:" + name, module.name, order);
    }
    devname += DeviceNameLine(module);
    ++order;
  }
  for (const std::string& name : builtin_names) builtin_index.Insert(name, "", 0);
  for (const auto& [name, module] : builtin_aliases) {
    builtin_alias_index.Insert(NormalizeAlias(name), module, 0);
  }
  return {{"modules.dep", dep},
          {"modules.dep.bin", dep_index.Encode()},
          {"modules.alias", alias},
          {"modules.alias.bin", alias_index.Encode()},
          {"modules.softdep", softdep},
          {"modules.symbols", symbols},
          {"modules.symbols.bin", symbol_index.Encode()},
          {"modules.devname", devname},
          {"modules.builtin.bin", builtin_index.Encode()},
          {"modules.builtin.alias.bin", builtin_alias_index.Encode()}};
}

}  // namespace inro::image
