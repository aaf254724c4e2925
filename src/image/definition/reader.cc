// From TOML to a Definition: walks the parsed tables along the rows of settings.cc.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wshadow"
#include "base/toml.h"
#pragma GCC diagnostic pop

#include <algorithm>

#include "base/nearest.h"
#include "image/definition/checks.h"
#include "image/definition/cross_checks.h"
#include "image/definition/definition.h"
#include "image/definition/settings.h"
#include "sys/file.h"

namespace inro::image {
namespace {

int LineOfNode(const toml::node& node) { return static_cast<int>(node.source().begin.line); }

std::string Joined(std::string_view table, std::string_view key) {
  return table.empty() ? std::string(key) : fmt::format("{}.{}", table, key);
}

std::string_view TypeName(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::string:
      return "a text";
    case toml::node_type::integer:
      return "a number";
    case toml::node_type::floating_point:
      return "a number with a fraction";
    case toml::node_type::boolean:
      return "true or false";
    default:
      return "a date or time";
  }
}

std::string Quoted(std::span<const std::string_view> words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
    text += fmt::format("\"{}\"", words[i]);
  }
  return text;
}

// No exception leaves this file.
Result<toml::table> ParseToml(std::string_view text, const std::string& file) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    return std::unexpected(Error::InFile(file, static_cast<int>(error.source().begin.line),
                                         fmt::format("not TOML: {}", error.description())));
  }
}

// What the reader needs to know about the file while it walks.
struct Reading {
  std::string file;
  std::string folder;
  std::map<std::string, int>* lines = nullptr;

  std::unexpected<Error> ErrorIn(const toml::node& node, std::string message) const {
    return std::unexpected(Error::InFile(file, LineOfNode(node), std::move(message)));
  }
};

Result<std::string> AbsolutePath(const Reading& reading, const toml::node& node,
                                 std::string_view key, const std::string& value) {
  if (value.empty() || value.contains('\0')) {
    return reading.ErrorIn(node, fmt::format("{}: an empty path: name a file", key));
  }
  std::string path = value.starts_with('/') ? value : fmt::format("{}/{}", reading.folder, value);
  if (!sys::Exists(path)) {
    return reading.ErrorIn(
        node,
        fmt::format("{}: there is no '{}': paths start at the definition's folder", key, value));
  }
  return path;
}

// One converted value; the kinds that a row can have.
template <class Owner>
class ValueReader {
 public:
  ValueReader(const Reading& reading, const Setting<Owner>& row, std::string key)
      : reading_(reading), row_(row), key_(std::move(key)) {}

  Result<> Read(const toml::node& node, Owner& owner) {
    Slot slot = row_.slot(owner);
    switch (row_.kind) {
      case ValueKind::kText: {
        INRO_ASSIGN(std::string text, Text(node));
        if (auto* plain = std::get_if<std::string*>(&slot)) {
          **plain = std::move(text);
        } else {
          *std::get<std::optional<std::string>*>(slot) = std::move(text);
        }
        return {};
      }
      case ValueKind::kPath: {
        INRO_ASSIGN(std::string text, Text(node));
        INRO_ASSIGN(*std::get<std::string*>(slot), AbsolutePath(reading_, node, key_, text));
        return {};
      }
      case ValueKind::kChoice: {
        INRO_ASSIGN(std::string text, Text(node));
        const auto found = std::find(row_.choices.begin(), row_.choices.end(), text);
        if (found == row_.choices.end()) {
          return reading_.ErrorIn(
              node, fmt::format("{}: '{}' is none of {}", key_, text, Quoted(row_.choices)));
        }
        std::get<std::function<void(std::size_t)>>(slot)(
            static_cast<std::size_t>(found - row_.choices.begin()));
        return {};
      }
      case ValueKind::kFlag: {
        const auto value = node.value_exact<bool>();
        if (!value) return Wrong(node);
        if (auto* plain = std::get_if<bool*>(&slot)) {
          **plain = *value;
        } else {
          *std::get<std::optional<bool>*>(slot) = *value;
        }
        return {};
      }
      case ValueKind::kSize: {
        INRO_ASSIGN(*std::get<std::uint64_t*>(slot), Size(node));
        return {};
      }
      case ValueKind::kMode: {
        const auto text = node.value_exact<std::string>();
        const auto mode = text ? ParseMode(*text) : std::nullopt;
        if (!mode) return Wrong(node);
        *std::get<std::uint32_t*>(slot) = *mode;
        return {};
      }
      case ValueKind::kNumber: {
        const auto value = node.value_exact<std::int64_t>();
        if (!value) return Wrong(node);
        constexpr std::int64_t kLast = 0xfffffffe;  // the last one means "no user"
        if (*value < 0 || *value >= kLast) {
          return reading_.ErrorIn(
              node, fmt::format("{}: {} is not between 0 and {}", key_, *value, kLast - 1));
        }
        *std::get<std::optional<std::uint32_t>*>(slot) = static_cast<std::uint32_t>(*value);
        return {};
      }
      case ValueKind::kWords:
      case ValueKind::kPaths: {
        INRO_ASSIGN(*std::get<std::vector<std::string>*>(slot), Words(node));
        return {};
      }
    }
    return {};
  }

 private:
  std::unexpected<Error> Wrong(const toml::node& node) const {
    return reading_.ErrorIn(
        node, fmt::format("{} is {}, but must be a value of kind '{}': write {} = {}", key_,
                          TypeName(node), KindName(row_.kind), LastWord(), row_.example));
  }

  std::string_view LastWord() const { return row_.key.substr(row_.key.rfind('.') + 1); }

  Result<std::string> Text(const toml::node& node) const {
    const auto value = node.value_exact<std::string>();
    if (!value) return Wrong(node);
    if (row_.check != nullptr) {
      if (std::string wrong = row_.check(*value); !wrong.empty()) {
        return reading_.ErrorIn(node, fmt::format("{}: {}", key_, wrong));
      }
    }
    return *value;
  }

  Result<std::uint64_t> Size(const toml::node& node) const {
    if (const auto number = node.value_exact<std::int64_t>()) {
      if (*number >= 0) return static_cast<std::uint64_t>(*number);
      return reading_.ErrorIn(node, fmt::format("{}: a size cannot be negative", key_));
    }
    const auto text = node.value_exact<std::string>();
    if (!text) return Wrong(node);
    const auto size = ParseSize(*text);
    if (size) return *size;
    return reading_.ErrorIn(node,
                            fmt::format("{}: '{}' is no size: write a number with K, M, G or T, "
                                        "such as \"256M\"",
                                        key_, *text));
  }

  Result<std::vector<std::string>> Words(const toml::node& node) const {
    const toml::array* array = node.as_array();
    if (array == nullptr) return Wrong(node);
    std::vector<std::string> words;
    for (const toml::node& element : *array) {
      INRO_ASSIGN(std::string word, Text(element));
      if (row_.kind == ValueKind::kPaths) {
        INRO_ASSIGN(word, AbsolutePath(reading_, element, key_, word));
      }
      if (std::find(words.begin(), words.end(), word) != words.end()) {
        return reading_.ErrorIn(element,
                                fmt::format("{}: '{}' stands there twice: remove one", key_, word));
      }
      if (reading_.lines != nullptr) {
        (*reading_.lines)[fmt::format("{}.{}", key_, words.size())] = LineOfNode(element);
      }
      words.push_back(std::move(word));
    }
    return words;
  }

  const Reading& reading_;
  const Setting<Owner>& row_;
  std::string key_;
};

template <class Owner>
const Setting<Owner>* FindRow(std::span<const Setting<Owner>> rows, std::string_view key) {
  for (const Setting<Owner>& row : rows) {
    if (row.key == key) return &row;
  }
  return nullptr;
}

// The names that may stand in `table` ("" or "source"): first words of what follows it in the keys.
template <class Owner>
std::vector<std::string> NamesIn(std::span<const Setting<Owner>> rows, std::string_view table) {
  std::vector<std::string> names;
  for (const Setting<Owner>& row : rows) {
    std::string_view key = row.key;
    if (!table.empty()) {
      if (!key.starts_with(table) || key.substr(table.size(), 1) != ".") continue;
      key.remove_prefix(table.size() + 1);
    }
    std::string name(key.substr(0, key.find('.')));
    if (std::find(names.begin(), names.end(), name) == names.end())
      names.push_back(std::move(name));
  }
  return names;
}

std::string List(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

std::unexpected<Error> UnknownKey(const Reading& reading, const toml::key& key,
                                  std::string_view table, const std::string& shown,
                                  const std::vector<std::string>& names,
                                  std::string_view elsewhere) {
  std::string message = fmt::format("unknown key '{}'", shown);
  if (const std::string nearest = Nearest(key.str(), names); !nearest.empty()) {
    message += fmt::format(": did you mean '{}'?", Joined(table, nearest));
  } else if (!elsewhere.empty()) {
    message += fmt::format(": did you mean '{}'?", elsewhere);
  } else {
    message += fmt::format(": known here are {}", List(names));
  }
  return std::unexpected(
      Error::InFile(reading.file, static_cast<int>(key.source().begin.line), std::move(message)));
}

// The full key that ends with `name`, when a setting of that name stands in another table.
std::string KeyElsewhere(std::string_view name) {
  for (const auto& row : DefinitionSettings()) {
    if (row.key.substr(row.key.rfind('.') + 1) == name) return std::string(row.key);
  }
  return "";
}

template <class Owner>
Result<> ApplyDefaults(std::span<const Setting<Owner>> rows, Owner& owner) {
  const Reading reading{"settings.cc", "/", nullptr};
  for (const Setting<Owner>& row : rows) {
    if (row.value.empty()) continue;
    INRO_ASSIGN(const toml::table parsed,
                ParseToml(fmt::format("value = {}", row.value), reading.file));
    INRO_TRY(
        ValueReader<Owner>(reading, row, std::string(row.key)).Read(*parsed.get("value"), owner));
  }
  return {};
}

// Reads one [[files]] or [[users]] table.
template <class Owner>
Result<Owner> ReadEntry(const Reading& reading, std::span<const Setting<Owner>> rows,
                        std::string_view name, const toml::node& node) {
  const toml::table* table = node.as_table();
  if (table == nullptr) {
    return reading.ErrorIn(node, fmt::format("{} is {}, but must be tables: write [[{}]]", name,
                                             TypeName(node), name));
  }
  Owner owner;
  INRO_TRY(ApplyDefaults(rows, owner));
  owner.line = LineOfNode(node);
  for (auto&& [key, value] : *table) {
    const Setting<Owner>* row = FindRow(rows, key.str());
    const std::string shown = Joined(name, key.str());
    if (row == nullptr) return UnknownKey(reading, key, name, shown, NamesIn(rows, ""), "");
    INRO_TRY(ValueReader<Owner>(reading, *row, shown).Read(value, owner));
    if constexpr (std::is_same_v<Owner, FileSettings>) {
      if (row->kind == ValueKind::kMode) owner.mode_given = true;
    }
  }
  for (const Setting<Owner>& row : rows) {
    if (row.required && !table->contains(row.key)) {
      return reading.ErrorIn(node, fmt::format("'{}' is missing: add {} = {}",
                                               Joined(name, row.key), row.key, row.example));
    }
  }
  return owner;
}

template <class Owner>
Result<std::vector<Owner>> ReadEntries(const Reading& reading, std::span<const Setting<Owner>> rows,
                                       std::string_view name, const toml::node& node) {
  const toml::array* array = node.as_array();
  if (array == nullptr) {
    return reading.ErrorIn(node, fmt::format("{} is {}, but must be tables: write [[{}]]", name,
                                             TypeName(node), name));
  }
  std::vector<Owner> entries;
  for (const toml::node& element : *array) {
    INRO_ASSIGN(Owner entry, ReadEntry(reading, rows, name, element));
    entries.push_back(std::move(entry));
  }
  return entries;
}

// Reads the table whose full name is `name` ("" for the whole file).
Result<> ReadTable(const Reading& reading, const std::string& name, const toml::table& table,
                   Definition& definition) {
  const std::span<const Setting<Definition>> rows = DefinitionSettings();
  for (auto&& [key, value] : table) {
    const std::string full = Joined(name, key.str());
    if (full == "files") {
      INRO_ASSIGN(definition.files, ReadEntries(reading, FileEntrySettings(), full, value));
      continue;
    }
    if (full == "users") {
      INRO_ASSIGN(definition.users, ReadEntries(reading, UserEntrySettings(), full, value));
      continue;
    }
    if (full == "extensions") {
      INRO_ASSIGN(definition.extensions,
                  ReadEntries(reading, ExtensionEntrySettings(), full, value));
      continue;
    }
    (*reading.lines)[full] = LineOfNode(value);
    if (const Setting<Definition>* row = FindRow(rows, full)) {
      INRO_TRY(ValueReader<Definition>(reading, *row, full).Read(value, definition));
      continue;
    }
    if (NamesIn(rows, full).empty()) {
      std::vector<std::string> names = NamesIn(rows, name);
      if (name.empty()) names.insert(names.end(), {"files", "users", "extensions"});
      return UnknownKey(reading, key, name, full, names, KeyElsewhere(key.str()));
    }
    const toml::table* inner = value.as_table();
    if (inner == nullptr) {
      return reading.ErrorIn(value, fmt::format("{} is {}, but must be a table: write [{}]", full,
                                                TypeName(value), full));
    }
    INRO_TRY(ReadTable(reading, full, *inner, definition));
  }
  return {};
}

}  // namespace

Result<Definition> ParseDefinition(std::string_view text, std::string file, std::string folder) {
  INRO_ASSIGN(const toml::table parsed, ParseToml(text, file));
  Definition definition;
  INRO_TRY(ApplyDefaults(DefinitionSettings(), definition));
  definition.file = file;
  definition.folder = folder;
  const Reading reading{std::move(file), std::move(folder), &definition.lines};
  INRO_TRY(ReadTable(reading, "", parsed, definition));
  INRO_TRY(CheckDefinition(definition));
  return definition;
}

}  // namespace inro::image
