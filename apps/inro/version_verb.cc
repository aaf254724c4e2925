// `inro version`.
#include <nlohmann/json.hpp>

#include "verbs.h"

namespace inro::cli {
namespace {

class VersionVerb final : public Verb {
 public:
  std::vector<Option> Options() override {
    return {{"--format", "", &format_, "How to print it", {"text", "json"}}};
  }

  Result<int> Run(Session&) override {
    if (format_ == "json") {
      const nlohmann::ordered_json document = {{"schema", "inro-version/1"},
                                               {"version", INRO_VERSION}};
      INRO_TRY(Print(document.dump(2) + "\n"));
    } else {
      INRO_TRY(Print("inro " INRO_VERSION "\n"));
    }
    return 0;
  }

 private:
  std::string format_ = "text";
};

}  // namespace

std::unique_ptr<Verb> MakeVersionVerb() { return std::make_unique<VersionVerb>(); }

}  // namespace inro::cli
