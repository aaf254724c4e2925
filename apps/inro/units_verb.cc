// `inro units`: what init = inro makes of unit files, without a guest.
#include <array>
#include <nlohmann/json.hpp>

#include "image/build/unit_check_files.h"
#include "verbs.h"

namespace inro::cli {
namespace {

using image::CheckedUnitFile;
using image::DirectiveUse;
using unit::Verdict;

constexpr std::array kVerdicts = {Verdict::kEnforced, Verdict::kHarmless, Verdict::kNotEnforced,
                                  Verdict::kUnknown, Verdict::kWrong};

struct Summary {
  std::array<std::size_t, kVerdicts.size()> counts{};
  std::size_t units = 0;
  std::size_t bad = 0;  // files that cannot be used
};

Summary Count(const std::vector<CheckedUnitFile>& files) {
  Summary summary;
  for (const CheckedUnitFile& file : files) {
    ++summary.units;
    if (!file.problem.empty()) ++summary.bad;
    for (const DirectiveUse& use : file.uses) {
      ++summary.counts[static_cast<std::size_t>(use.verdict)];
    }
  }
  return summary;
}

std::string Text(const std::vector<CheckedUnitFile>& files) {
  std::string text;
  for (const CheckedUnitFile& file : files) {
    if (!file.problem.empty())
      text += fmt::format("{}: cannot be used: {}\n", file.file, file.problem);
    for (const std::string& warning : file.warnings) text += warning + "\n";
    for (const DirectiveUse& use : file.uses) {
      text += fmt::format("{}:{}: {}: ", file.file, use.line, image::ToString(use.verdict));
      text += use.message.empty() ? fmt::format("[{}] {}={}\n", use.section, use.name, use.value)
                                  : fmt::format("[{}] {}\n", use.section, use.message);
    }
  }
  const Summary summary = Count(files);
  text += fmt::format("{} files", summary.units);
  if (summary.bad > 0) text += fmt::format(" ({} cannot be used)", summary.bad);
  const char* separator = ": ";
  for (std::size_t i = 0; i < kVerdicts.size(); ++i) {
    text += fmt::format("{}{} {}", separator, summary.counts[i], image::ToString(kVerdicts[i]));
    separator = ", ";
  }
  return text + "\n";
}

std::string Json(const std::vector<CheckedUnitFile>& files) {
  nlohmann::ordered_json document = {{"schema", "inro-units-check/1"},
                                     {"files", nlohmann::ordered_json::array()}};
  for (const CheckedUnitFile& file : files) {
    nlohmann::ordered_json entry = {{"file", file.file}, {"unit", file.unit}};
    entry["usable"] = file.problem.empty();
    if (!file.problem.empty()) entry["problem"] = file.problem;
    entry["warnings"] = file.warnings;
    entry["directives"] = nlohmann::ordered_json::array();
    for (const DirectiveUse& use : file.uses) {
      nlohmann::ordered_json row = {{"line", use.line},
                                    {"section", use.section},
                                    {"name", use.name},
                                    {"value", use.value},
                                    {"verdict", std::string(image::ToString(use.verdict))}};
      if (!use.message.empty()) row["message"] = use.message;
      entry["directives"].push_back(std::move(row));
    }
    document["files"].push_back(std::move(entry));
  }
  const Summary summary = Count(files);
  nlohmann::ordered_json counts;
  for (std::size_t i = 0; i < kVerdicts.size(); ++i) {
    counts[std::string(image::ToString(kVerdicts[i]))] = summary.counts[i];
  }
  document["summary"] = {
      {"files", summary.units}, {"unusable", summary.bad}, {"directives", std::move(counts)}};
  // Bytes of a unit file need not be UTF-8.
  return document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

class UnitsVerb final : public Verb {
 public:
  std::vector<Option> Options() override {
    return {
        {"ACTION", "", &action_, "What to do", {"check"}, true},
        {"FILE",
         "",
         &files_,
         "Unit files, drop-ins, folders of them, or Debian packages",
         {},
         true},
        {"--format", "", &format_, "How to print it", {"text", "json"}},
    };
  }

  Result<int> Run(Session&) override {
    INRO_ASSIGN(const std::vector<CheckedUnitFile> files, image::CheckUnitFiles(files_));
    INRO_TRY(Print(format_ == "json" ? Json(files) : Text(files)));
    return 0;
  }

 private:
  std::string action_;
  std::vector<std::string> files_;
  std::string format_ = "text";
};

}  // namespace

std::unique_ptr<Verb> MakeUnitsVerb() { return std::make_unique<UnitsVerb>(); }

}  // namespace inro::cli
