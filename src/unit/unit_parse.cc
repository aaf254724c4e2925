#include "unit/unit_parse.h"

namespace inro::unit::parse {

void ConditionRow(DirectiveContext& context) {
  auto& conditions = context.unit.conditions;
  if (context.value.empty()) {
    std::erase_if(conditions,
                  [&](const Condition& entry) { return entry.assertion == context.assertion; });
    return;
  }
  Condition condition{static_cast<ConditionKind>(context.row.argument), false, false,
                      context.assertion, ""};
  std::string_view text = context.value;
  if (text.starts_with('|')) {
    condition.trigger = true;
    text = Trim(text.substr(1));
  }
  if (text.starts_with('!')) {
    condition.negate = true;
    text = Trim(text.substr(1));
  }
  if (!Expand(context, text, condition.value)) return;
  // What cannot be judged must not decide.
  if (context.row.support != Support::kEnforced) return;
  if (conditions.size() < kMaxList) conditions.push_back(std::move(condition));
}

void MountPaths(DirectiveContext& context) {
  auto& paths = context.unit.requires_mounts_for;
  std::vector<std::string> words;
  if (context.value.empty()) return;
  WordsInto(context, words);
  for (const std::string& word : words) {
    if (!word.starts_with('/')) {
      context.problem = "absolute paths are expected";
    } else if (paths.size() < kMaxList) {
      paths.push_back(CleanPath(word));
    }
  }
}

void DefaultInstance(DirectiveContext& context) {
  std::string instance;
  if (!Expand(context, context.value, instance)) return;
  if (!instance.empty() && !KindOf("x@" + instance + ".service")) {
    context.problem = "not an instance of a unit";
    return;
  }
  context.unit.install_default_instance = std::move(instance);
}

}  // namespace inro::unit::parse
