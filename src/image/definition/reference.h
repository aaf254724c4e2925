// The reference of the definition, made from the rows of settings.cc.
#pragma once

#include <string>

namespace inro::image {

// docs/definition.md.
std::string DefinitionMarkdown();

// One line a setting: key, default, first sentence of its help; for a terminal.
std::string DefinitionSummary();

// A JSON document: [{"key", "kind", "required", "default", "example", "help", "choices"}, ...].
// Keys of entries are written "files[].path".
std::string DefinitionJson();

}  // namespace inro::image
