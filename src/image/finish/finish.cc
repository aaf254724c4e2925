#include "image/finish/finish.h"

#include "image/finish/rule.h"
#include "image/finish/scripts.h"
#include "image/finish/text_lines.h"

namespace inro::image {
namespace {

bool Applies(const RuleContext& context, const Rule& rule) {
  if (rule.use == RuleUse::kWithoutScripts && context.options().scripts_ran) return false;
  if (rule.packages.empty()) return true;
  // What ran its scripts may list no packages; the tree then decides, row by row.
  if (context.options().scripts_ran) return true;
  for (const std::string_view name : SplitFields(rule.packages, ' ')) {
    if (context.HasPackage(name)) return true;
  }
  return false;
}

}  // namespace

std::string_view ScriptClassName(ScriptClass value) {
  switch (value) {
    case ScriptClass::kCovered:
      return "covered";
    case ScriptClass::kHarmless:
      return "harmless";
    case ScriptClass::kNotRun:
      break;
  }
  return "not run";
}

std::vector<std::string> FinishReport::NotRunLines() const {
  std::vector<std::string> lines;
  for (const ScriptReport& script : scripts) {
    if (script.verdict != ScriptClass::kNotRun) continue;
    lines.push_back(fmt::format("{} of {} not run: {}; add a rule or use source = mmdebstrap",
                                script.kind, script.package, script.why));
  }
  return lines;
}

Result<FinishReport> Finish(SourceTree& source, const FinishOptions& options) {
  FinishReport report;
  RuleContext context(source, options, report);
  for (const Rule& rule : FinishRules()) {
    if (!Applies(context, rule)) continue;
    context.Enter(rule.id);
    if (auto done = rule.apply(context); !done) {
      return std::unexpected(done.error().Wrap(fmt::format("finishing rule {}", rule.id)));
    }
    report.rules.push_back({std::string(rule.id), std::string(rule.replaces), context.changes()});
  }
  ClassifyScripts(source, options, report);
  return report;
}

}  // namespace inro::image
