#include "protocol/extension_parameter.h"

#include <algorithm>
#include <charconv>

namespace inro::protocol {
namespace {

constexpr std::string_view kBefore = "kata.extension.";
constexpr std::string_view kBehind = ".verity_params";
constexpr std::string_view kBlank = " \t\n\r\f\v";
constexpr std::size_t kLongestName = 64;
constexpr std::size_t kRootHashDigits = 64;
constexpr std::size_t kMostSaltDigits = 512;  // the kernel takes up to 256 bytes
constexpr std::uint64_t kMostBlocks = std::uint64_t{1} << 40;

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

Result<std::string> Hexadecimal(std::string_view text) {
  std::string digits(text);
  for (char& c : digits) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
      return Fail("\"{}\" is not hexadecimal", text);
    }
  }
  return digits;
}

Result<std::uint64_t> Number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    return Fail("\"{}\" is not a number", text);
  }
  return value;
}

Result<> ReadRootHash(std::string_view text, VerityParameters& parameters) {
  INRO_ASSIGN(parameters.root_hash, Hexadecimal(text));
  if (text.size() != kRootHashDigits) {
    return Fail("a SHA-256 hash has {} digits, not {}", kRootHashDigits, text.size());
  }
  return {};
}

Result<> ReadSalt(std::string_view text, VerityParameters& parameters) {
  if (text == "-") return {};  // as veritysetup writes an empty one
  INRO_ASSIGN(parameters.salt, Hexadecimal(text));
  if (text.size() % 2 != 0 || text.size() > kMostSaltDigits) {
    return Fail("a salt has an even number of digits, at most {}", kMostSaltDigits);
  }
  return {};
}

Result<> ReadDataBlocks(std::string_view text, VerityParameters& parameters) {
  INRO_ASSIGN(parameters.data_blocks, Number(text));
  if (parameters.data_blocks == 0 || parameters.data_blocks > kMostBlocks) {
    return Fail("{} is out of range", text);
  }
  return {};
}

Result<> ReadBlockSize(std::string_view text, std::uint32_t& size) {
  INRO_ASSIGN(const std::uint64_t value, Number(text));
  if (value < 512 || value > 4096 || (value & (value - 1)) != 0) {
    return Fail("{} is not a power of two from 512 to 4096", text);
  }
  size = static_cast<std::uint32_t>(value);
  return {};
}

struct Key {
  std::string_view name;
  bool required;
  Result<> (*read)(std::string_view text, VerityParameters& parameters);
};
constexpr Key kKeys[] = {
    {"root_hash", true, ReadRootHash},
    {"salt", false, ReadSalt},
    {"data_blocks", true, ReadDataBlocks},
    {"data_block_size", false,
     [](std::string_view text, VerityParameters& p) {
       return ReadBlockSize(text, p.data_block_size);
     }},
    {"hash_block_size", false,
     [](std::string_view text, VerityParameters& p) {
       return ReadBlockSize(text, p.hash_block_size);
     }},
};

}  // namespace

bool IsExtensionName(std::string_view name) {
  return !name.empty() && name.size() <= kLongestName && std::ranges::all_of(name, IsNameCharacter);
}

std::string ExtensionSerial(std::string_view name) { return fmt::format("extension-{}", name); }

std::string ExtensionUnit(std::string_view name) {
  return fmt::format("{}{}.service", kExtensionTemplate, name);
}

std::string ExtensionMountPoint(std::string_view name) {
  return fmt::format("{}/{}", kExtensionFolder, name);
}

std::string ExtensionParameter(std::string_view name) {
  return fmt::format("{}{}{}", kBefore, name, kBehind);
}

std::vector<ExtensionWord> ExtensionWords(std::string_view line, std::vector<std::string>* bad) {
  std::vector<ExtensionWord> words;
  while (true) {
    const std::size_t start = line.find_first_not_of(kBlank);
    if (start == std::string_view::npos) return words;
    line.remove_prefix(start);
    const std::string_view word = line.substr(0, line.find_first_of(kBlank));
    line.remove_prefix(word.size());
    const std::size_t equals = word.find('=');
    std::string_view name = word.substr(0, equals);
    if (!name.starts_with(kBefore) || !name.ends_with(kBehind) ||
        name.size() < kBefore.size() + kBehind.size()) {
      continue;
    }
    name.remove_prefix(kBefore.size());
    name.remove_suffix(kBehind.size());
    if (!IsExtensionName(name)) {
      if (bad != nullptr) bad->emplace_back(word);
      continue;
    }
    std::string value(equals == std::string_view::npos ? "" : word.substr(equals + 1));
    const auto known = std::ranges::find(words, name, &ExtensionWord::name);
    if (known != words.end()) {
      known->value = std::move(value);
    } else {
      words.push_back({std::string(name), std::move(value)});
    }
  }
}

Result<VerityParameters> ParseVerityParameters(std::string_view text) {
  VerityParameters parameters;
  bool seen[std::size(kKeys)] = {};
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view pair = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) return Fail("\"{}\" has no value", pair);
    const auto key = std::ranges::find(kKeys, pair.substr(0, equals), &Key::name);
    if (key == std::end(kKeys)) continue;
    if (std::exchange(seen[key - kKeys], true)) return Fail("{} is given twice", key->name);
    const auto read = key->read(pair.substr(equals + 1), parameters);
    if (!read) return std::unexpected(read.error().Wrap(std::string(key->name)));
  }
  for (const Key& key : kKeys) {
    if (key.required && !seen[&key - kKeys]) return Fail("{} is missing", key.name);
  }
  return parameters;
}

std::string ToString(const VerityParameters& p) {
  return fmt::format("root_hash={},salt={},data_blocks={},data_block_size={},hash_block_size={}",
                     p.root_hash, p.salt, p.data_blocks, p.data_block_size, p.hash_block_size);
}

}  // namespace inro::protocol
