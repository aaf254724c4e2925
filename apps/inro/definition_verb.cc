// `inro definition`: the reference of image.toml, or a check of one.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "image/definition/definition.h"
#include "image/definition/reference.h"
#include "verbs.h"

namespace inro::cli {
namespace {

class DefinitionVerb final : public Verb {
 public:
  std::vector<Option> Options() override {
    return {{"DEFINITION", "", &path_, "Check this definition: a folder or an image.toml"},
            {"--format", "", &format_, "How to print it", {"text", "markdown", "json"}}};
  }

  Result<int> Run(Session&) override {
    if (!path_.empty()) return CheckOne();
    if (format_ == "markdown") {
      INRO_TRY(Print(image::DefinitionMarkdown()));
    } else if (format_ == "json") {
      INRO_TRY(Print(image::DefinitionJson()));
    } else {
      INRO_TRY(Print(image::DefinitionSummary()));
    }
    return 0;
  }

 private:
  Result<int> CheckOne() {
    INRO_ASSIGN(const image::Definition definition, image::LoadDefinition(path_));
    if (format_ == "json") {
      const nlohmann::ordered_json document = {{"schema", "inro-definition/1"},
                                               {"file", definition.file},
                                               {"name", definition.name},
                                               {"suite", definition.source.suite}};
      INRO_TRY(Print(document.dump(2) + "\n"));
    } else {
      INRO_TRY(
          Print(fmt::format("{}: no error; its name is {}\n", definition.file, definition.name)));
    }
    return 0;
  }

  std::string path_;
  std::string format_ = "text";
};

}  // namespace

std::unique_ptr<Verb> MakeDefinitionVerb() { return std::make_unique<DefinitionVerb>(); }

}  // namespace inro::cli
