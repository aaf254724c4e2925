// The settings of a definition as rows: the one place where a key, its type, its default, its check
// and its help are declared.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "image/definition/definition.h"

namespace inro::image {

// What a value is, and how it is written.
enum class ValueKind {
  kText,    // "text"
  kChoice,  // one of a few words
  kFlag,    // true or false
  kSize,    // "64M", or a number of bytes
  kWords,   // ["one", "two"]
  kPath,    // a file or folder of the host that exists, relative to the definition
  kPaths,   // a list of these
  kMode,    // "0755"
  kNumber,  // 1000
};

// Where a value goes.
using Slot = std::variant<std::string*, std::optional<std::string>*, bool*, std::optional<bool>*,
                          std::uint64_t*, std::uint32_t*, std::optional<std::uint32_t>*,
                          std::vector<std::string>*,
                          std::function<void(std::size_t)>>;  // choice: index of the word

// A check of one text (of every element, for lists): what is wrong and would be right, or empty.
using Check = std::string (*)(std::string_view);

template <class Owner>
struct Setting {
  std::string_view key;  // "source.suite"; within [[files]] and [[users]]: "path"
  ValueKind kind;
  bool required;
  std::string_view value;  // the default, as TOML; empty: none
  std::string_view example;
  std::string_view help;  // one or two sentences; from it docs/definition.md is made
  Slot (*slot)(Owner&);
  std::span<const std::string_view> choices = {};
  Check check = nullptr;
};

std::span<const Setting<Definition>> DefinitionSettings();
std::span<const Setting<FileSettings>> FileEntrySettings();
std::span<const Setting<UserSettings>> UserEntrySettings();
std::span<const Setting<ExtensionSettings>> ExtensionEntrySettings();

// What stands at the head of each table in docs/definition.md.
struct Section {
  std::string_view name;  // "" for the top level, "source", ..., "[[files]]"
  std::string_view help;
};
std::span<const Section> Sections();

// "text", "list of words", ... as the reference and the messages name it.
std::string_view KindName(ValueKind kind);

}  // namespace inro::image
