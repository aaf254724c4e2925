#include "verbs.h"

#include <fmt/format.h>

#include "image/definition/reference.h"

namespace inro::cli {
namespace {

std::string DefinitionHelp() {
  return fmt::format("Settings of a definition (image.toml); docs/definition.md tells more:\n{}",
                     image::DefinitionSummary());
}

constexpr VerbRow kVerbs[] = {
    {"definition", "The reference of image.toml, or a check of one",
     "Without a definition: every setting with its default and meaning. With one: whether it is\n"
     "right, without building it.",
     "  inro definition\n"
     "  inro definition images/debian\n",
     false, MakeDefinitionVerb, DefinitionHelp},
    {"version", "Show the version", "", "", false, MakeVersionVerb},
};

}  // namespace

std::span<const VerbRow> Verbs() { return kVerbs; }

}  // namespace inro::cli
