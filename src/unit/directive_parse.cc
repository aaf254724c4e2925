#include "unit/directive_parse.h"

#include <algorithm>

#include "unit/specifier.h"

namespace inro::unit::parse {
namespace {

std::string_view FragmentOf(const Unit& unit) {
  return unit.files.empty() ? std::string_view() : unit.files.front();
}

}  // namespace

ExecSettings& ExecOf(Unit& unit) {
  if (unit.service) return unit.service->exec;
  if (unit.socket) return unit.socket->exec;
  return unit.mount->exec;
}

ResourceSettings& ResourcesOf(Unit& unit) {
  return unit.slice ? *unit.slice : ExecOf(unit).resources;
}

bool IsCleanRelative(std::string_view path) {
  if (path.empty() || path.front() == '/') return false;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return true;
}

std::string CleanPath(std::string_view path) {
  std::string out;
  for (const char c : path) {
    if (c != '/' || !out.ends_with('/')) out += c;
  }
  if (out.size() > 1 && out.ends_with('/')) out.pop_back();
  return out;
}

bool Expand(DirectiveContext& context, std::string_view text, std::string& out) {
  auto value = ExpandSpecifiers(text, context.unit.name, context.facts, FragmentOf(context.unit));
  if (!value) {
    context.problem = value.error().ToString();
    return false;
  }
  out = std::move(*value);
  return true;
}

void BoolInto(DirectiveContext& context, bool& target) {
  if (context.value.empty()) return;
  if (const auto value = ParseBool(context.value)) {
    target = *value;
  } else {
    context.problem = "yes or no is expected";
  }
}

void TextInto(DirectiveContext& context, std::string& target) {
  std::string value;
  if (Expand(context, context.value, value)) target = std::move(value);
}

void PathInto(DirectiveContext& context, std::string& target) {
  std::string value;
  if (!Expand(context, context.value, value)) return;
  if (!value.empty() && !value.starts_with('/')) {
    context.problem = "an absolute path is expected";
    return;
  }
  target = CleanPath(value);
}

void TimeSpanInto(DirectiveContext& context, Microseconds& target) {
  if (const auto value = ParseTimeSpan(context.value)) {
    target = *value;
  } else {
    context.problem = "a time span is expected, for example 90s or 1min 30s";
  }
}

void ModeInto(DirectiveContext& context, mode_t& target) {
  if (const auto value = ParseMode(context.value)) {
    target = *value;
  } else {
    context.problem = "an octal mode is expected";
  }
}

void SignalInto(DirectiveContext& context, int& target) {
  if (const auto value = ParseSignal(context.value)) {
    target = *value;
  } else {
    context.problem = "a signal is expected, for example SIGTERM";
  }
}

void UnsignedInto(DirectiveContext& context, unsigned& target) {
  if (const auto value = ParseNumber<unsigned>(context.value)) {
    target = *value;
  } else {
    context.problem = "a number is expected";
  }
}

void IntegerInto(DirectiveContext& context, std::optional<int>& target, int min, int max) {
  if (context.value.empty()) {
    target.reset();
    return;
  }
  const auto value = ParseNumber<int>(context.value);
  if (value && *value >= min && *value <= max) {
    target = *value;
  } else {
    context.problem = fmt::format("a number from {} to {} is expected", min, max);
  }
}

void SizeInto(DirectiveContext& context, std::optional<std::uint64_t>& target) {
  if (context.value.empty()) {
    target.reset();
  } else if (const auto value = ParseSize(context.value)) {
    target = *value;
  } else {
    context.problem = "a number of bytes is expected, for example 64K";
  }
}

std::vector<std::string> QuotedWords(DirectiveContext& context) {
  auto words = SplitQuoted(context.value);
  if (!words) context.problem = "a quote is not closed";
  return words ? std::move(*words) : std::vector<std::string>();
}

void WordsInto(DirectiveContext& context, std::vector<std::string>& target) {
  if (context.value.empty()) {
    target.clear();
    return;
  }
  for (const std::string& word : QuotedWords(context)) {
    std::string value;
    if (!Expand(context, word, value)) return;
    if (target.size() < kMaxList) target.push_back(std::move(value));
  }
}

void UnitsInto(DirectiveContext& context, std::vector<std::string>& target) {
  for (const std::string_view word : SplitWords(context.value)) {
    std::string name;
    if (!Expand(context, word, name)) return;
    if (!KindOf(name)) {
      context.problem = "\"" + name + "\" is not the name of a unit";
      continue;
    }
    if (std::ranges::find(target, name) == target.end() && target.size() < kMaxList) {
      target.push_back(std::move(name));
    }
  }
}

void CommandsInto(DirectiveContext& context, std::vector<Command>& target) {
  if (context.value.empty()) {
    target.clear();
    return;
  }
  auto commands =
      ParseCommandLine(context.value, context.unit.name, context.facts, FragmentOf(context.unit));
  if (!commands) {
    context.problem = commands.error().ToString();
    return;
  }
  for (Command& command : *commands) {
    if (target.size() < kMaxList) target.push_back(std::move(command));
  }
}

void ExitStatusInto(DirectiveContext& context, ExitStatusSet& target) {
  if (context.value.empty()) {
    target = {};
    return;
  }
  for (const std::string_view word : SplitWords(context.value)) {
    if (const auto code = ParseNumber<unsigned>(word)) {
      if (*code < target.codes.size()) {
        target.codes.set(*code);
        continue;
      }
    } else if (const auto status = ParseExitStatus(word)) {
      target.codes.set(static_cast<std::size_t>(*status));
      continue;
    } else if (const auto signal = ParseSignal(word)) {
      target.signals.set(static_cast<std::size_t>(*signal));
      continue;
    }
    context.problem = "exit codes (0 to 255), their names or names of signals are expected";
  }
}

}  // namespace inro::unit::parse
