#include "image/definition/reference.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "image/definition/settings.h"

namespace inro::image {
namespace {

// A row without its owner.
struct Row {
  std::string section;  // name of a Section
  std::string key;      // within the section
  std::string full;     // "files[].path"
  ValueKind kind;
  bool required;
  std::string_view value;
  std::string_view example;
  std::string_view help;
  std::span<const std::string_view> choices;
};

template <class Owner>
Row MakeRow(const Setting<Owner>& s, std::string section, std::string key, std::string full) {
  return {std::move(section), std::move(key), std::move(full), s.kind, s.required, s.value,
          s.example,          s.help,         s.choices};
}

std::vector<Row> AllRows() {
  std::vector<Row> rows;
  for (const auto& s : DefinitionSettings()) {
    const std::size_t dot = s.key.find('.');
    const bool top = dot == std::string_view::npos;
    rows.push_back(MakeRow(s, std::string(top ? "" : s.key.substr(0, dot)),
                           std::string(top ? s.key : s.key.substr(dot + 1)), std::string(s.key)));
  }
  for (const auto& s : FileEntrySettings()) {
    rows.push_back(MakeRow(s, "[[files]]", std::string(s.key), fmt::format("files[].{}", s.key)));
  }
  for (const auto& s : UserEntrySettings()) {
    rows.push_back(MakeRow(s, "[[users]]", std::string(s.key), fmt::format("users[].{}", s.key)));
  }
  for (const auto& s : ExtensionEntrySettings()) {
    rows.push_back(
        MakeRow(s, "[[extensions]]", std::string(s.key), fmt::format("extensions[].{}", s.key)));
  }
  return rows;
}

std::string KindText(const Row& row) {
  if (row.kind != ValueKind::kChoice) return std::string(KindName(row.kind));
  std::string text;
  for (std::string_view choice : row.choices) {
    if (!text.empty()) text += ", ";
    text += fmt::format("`\"{}\"`", choice);
  }
  return text;
}

std::string DefaultText(const Row& row) {
  if (row.required) return "required";
  return row.value.empty() ? "none" : fmt::format("`{}`", row.value);
}

// `key = value` lines of one section, as they stand in a file.
std::string ExampleBlock(const std::vector<Row>& rows, const Section& section) {
  std::string text = "```toml\n";
  if (!section.name.empty()) {
    text += section.name.starts_with('[') ? fmt::format("{}\n", section.name)
                                          : fmt::format("[{}]\n", section.name);
  }
  for (const Row& row : rows) {
    if (row.section == section.name) text += fmt::format("{} = {}\n", row.key, row.example);
  }
  return text + "```\n";
}

}  // namespace

std::string DefinitionMarkdown() {
  const std::vector<Row> rows = AllRows();
  std::string text =
      "<!-- Made by `inro definition --format markdown > docs/definition.md`; a test compares. "
      "-->\n"
      "# The definition of a guest\n\n"
      "A definition is a file `image.toml` ([TOML](https://toml.io/en/v1.0.0)) in a folder of its "
      "own. "
      "Paths in it start at that folder. Keys that are not listed here are refused.\n\n"
      "Sizes are numbers of bytes, or texts with K, M, G or T (powers of 1024), such as "
      "`\"64M\"`.\n";
  for (const Section& section : Sections()) {
    const std::string title = section.name.empty()            ? "Top level"
                              : section.name.starts_with('[') ? fmt::format("`{}`", section.name)
                                                              : fmt::format("`[{}]`", section.name);
    text += fmt::format("\n## {}\n\n{}\n\n| key | value | default | meaning |\n|---|---|---|---|\n",
                        title, section.help);
    for (const Row& row : rows) {
      if (row.section != section.name) continue;
      text += fmt::format("| `{}` | {} | {} | {} |\n", row.key, KindText(row), DefaultText(row),
                          row.help);
    }
    text += fmt::format("\nHow the values are written:\n\n{}", ExampleBlock(rows, section));
  }
  return text;
}

std::string DefinitionSummary() {
  std::string text;
  for (const Row& row : AllRows()) {
    const std::size_t end = row.help.find(". ");
    const std::string_view first =
        row.help.substr(0, end == std::string_view::npos ? end : end + 1);
    const std::string value = row.required        ? "(required)"
                              : row.value.empty() ? ""
                                                  : fmt::format("{}", row.value);
    text += fmt::format("  {:<24} {:<26} {}\n", row.full, value, first);
  }
  return text;
}

std::string DefinitionJson() {
  nlohmann::ordered_json document = nlohmann::ordered_json::array();
  for (const Row& row : AllRows()) {
    nlohmann::ordered_json item = {{"key", row.full},          {"kind", KindName(row.kind)},
                                   {"required", row.required}, {"default", row.value},
                                   {"example", row.example},   {"help", row.help}};
    if (!row.choices.empty()) {
      item["choices"] = std::vector<std::string>(row.choices.begin(), row.choices.end());
    }
    document.push_back(std::move(item));
  }
  return document.dump(2) + "\n";
}

}  // namespace inro::image
