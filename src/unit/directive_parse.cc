#include "unit/directive_parse.h"

#include <algorithm>

#include "unit/specifier.h"

namespace inro::unit::parse {
namespace {

constexpr std::size_t kMaxList = 1024;  // entries of one list of a unit

// "foo/bar" without a leading slash, "." or "..".
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

bool ParseStream(DirectiveContext& c, StreamSetting& setting) {
  struct Row {
    std::string_view word;
    StandardStream kind;
    bool prefix;
  };
  constexpr Row kRows[] = {
      {"inherit", StandardStream::kInherit, false},
      {"null", StandardStream::kNull, false},
      {"tty", StandardStream::kTty, false},
      {"tty-force", StandardStream::kTty, false},
      {"tty-fail", StandardStream::kTty, false},
      {"journal", StandardStream::kJournal, false},
      {"syslog", StandardStream::kJournal, false},
      {"kmsg", StandardStream::kKmsg, false},
      {"journal+console", StandardStream::kConsole, false},
      {"kmsg+console", StandardStream::kConsole, false},
      {"syslog+console", StandardStream::kConsole, false},
      {"file:", StandardStream::kFile, true},
      {"append:", StandardStream::kAppend, true},
      {"truncate:", StandardStream::kTruncate, true},
  };
  for (const Row& row : kRows) {
    if (!row.prefix && c.value == row.word) {
      setting = {row.kind, ""};
      return true;
    }
    if (row.prefix && c.value.starts_with(row.word)) {
      StreamSetting parsed{row.kind, ""};
      if (!Expand(c, c.value.substr(row.word.size()), parsed.path)) return false;
      if (!parsed.path.starts_with('/')) {
        c.problem = "an absolute path is expected after the colon";
        return false;
      }
      setting = std::move(parsed);
      return true;
    }
  }
  c.problem = "not supported by init = inro; null, tty, journal, kmsg, file:, append: are";
  return false;
}

}  // namespace

bool Expand(DirectiveContext& context, std::string_view text, std::string& out) {
  auto value = ExpandSpecifiers(text, context.unit.name, context.facts);
  if (!value) {
    context.problem = value.error().ToString();
    return false;
  }
  out = std::move(*value);
  return true;
}

bool UnitNames(DirectiveContext& context, std::vector<std::string>& list) {
  for (const std::string_view word : SplitWords(context.value)) {
    std::string name;
    if (!Expand(context, word, name)) return false;
    if (!KindOf(name)) {
      context.problem = "\"" + name + "\" is not the name of a unit";
      continue;
    }
    if (std::ranges::find(list, name) == list.end() && list.size() < kMaxList) {
      list.push_back(std::move(name));
    }
  }
  return true;
}

void CommandList(DirectiveContext& context, std::vector<Command>& list) {
  if (context.value.empty()) {
    list.clear();
    return;
  }
  auto commands = ParseCommandLine(context.value, context.unit.name, context.facts);
  if (!commands) {
    context.problem = commands.error().ToString();
    return;
  }
  for (Command& command : *commands) {
    if (list.size() < kMaxList) list.push_back(std::move(command));
  }
}

void ConditionOf(DirectiveContext& context, ConditionKind kind, bool assertion) {
  if (context.value.empty()) {
    std::erase_if(context.unit.conditions,
                  [&](const Condition& entry) { return entry.assertion == assertion; });
    return;
  }
  Condition condition{kind, false, false, assertion, ""};
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
  if (context.unit.conditions.size() < kMaxList) {
    context.unit.conditions.push_back(std::move(condition));
  }
}

void ExitStatuses(DirectiveContext& context, ExitStatusSet& set) {
  if (context.value.empty()) {
    set = {};
    return;
  }
  for (const std::string_view word : SplitWords(context.value)) {
    if (const auto code = ParseNumber<unsigned>(word)) {
      if (*code < set.codes.size()) {
        set.codes.set(*code);
        continue;
      }
    } else if (const auto signal = ParseSignal(word)) {
      set.signals.set(static_cast<std::size_t>(*signal));
      continue;
    }
    context.problem = "exit codes (0 to 255) or names of signals are expected";
  }
}

void LimitOf(DirectiveContext& context, int resource) {
  auto& slot = context.unit.service->exec.limits[static_cast<std::size_t>(resource)];
  if (context.value.empty()) {
    slot.reset();
  } else if (const auto limit = ParseLimit(context.value)) {
    slot = *limit;
  } else {
    context.problem = "a limit is expected: N, SOFT:HARD or infinity";
  }
}

void DirectoryNames(DirectiveContext& context, DirectoryKind kind) {
  auto& names = context.unit.service->exec.directories[kind].names;
  if (context.value.empty()) {
    names.clear();
    return;
  }
  for (const std::string_view word : SplitWords(context.value)) {
    std::string name;
    // "name:link" makes a symbolic link in later versions; the directory itself is what counts.
    if (!Expand(context, word.substr(0, word.find(':')), name)) return;
    if (!IsCleanRelative(name)) {
      context.problem = "\"" + name + "\" must be relative, without \"..\"";
      continue;
    }
    if (names.size() < kMaxList) names.push_back(std::move(name));
  }
}

void DirectoryMode(DirectiveContext& context, DirectoryKind kind) {
  if (const auto mode = ParseMode(context.value)) {
    context.unit.service->exec.directories[kind].mode = *mode;
  } else {
    context.problem = "an octal mode is expected";
  }
}

// "~" inverts: what is listed is taken away. Lines add up (systemd.exec(5)).
void Capabilities(DirectiveContext& context, CapabilitySet& set, bool start_full) {
  std::string_view text = context.value;
  const bool invert = text.starts_with('~');
  if (invert) text.remove_prefix(1);
  CapabilitySet listed;
  for (const std::string_view word : SplitWords(text)) {
    if (const auto number = ParseCapability(word)) {
      listed.set(static_cast<std::size_t>(*number));
    } else {
      context.problem = "\"" + std::string(word) + "\" is not a capability";
    }
  }
  if (start_full && invert) set.set();
  set = invert ? (set & ~listed) : (set | listed);
}

void EnvironmentWords(DirectiveContext& context) {
  Environment& environment = context.unit.service->exec.environment;
  if (context.value.empty()) {
    environment.clear();
    return;
  }
  const auto words = SplitQuoted(context.value);
  if (!words) {
    context.problem = "a quote is not closed or an escape is unknown";
    return;
  }
  for (const std::string& word : *words) {
    std::string assignment;
    if (!Expand(context, word, assignment)) return;
    if (!IsAssignment(assignment)) {
      context.problem = "\"" + assignment + "\" is not NAME=value";
      continue;
    }
    if (environment.size() < kMaxList) SetVariable(environment, assignment);
  }
}

void EnvironmentFileRow(DirectiveContext& context) {
  auto& files = context.unit.service->exec.environment_files;
  if (context.value.empty()) {
    files.clear();
    return;
  }
  const bool optional = context.value.starts_with('-');
  std::string path;
  if (!Expand(context, context.value.substr(optional ? 1 : 0), path)) return;
  if (!path.starts_with('/')) {
    context.problem = "an absolute path is expected";
    return;
  }
  if (files.size() < kMaxList) files.push_back({std::move(path), optional});
}

void WorkingDirectory(DirectiveContext& context) {
  ExecSettings& exec = context.unit.service->exec;
  exec.working_directory_optional = context.value.starts_with('-');
  std::string path;
  if (!Expand(context, context.value.substr(exec.working_directory_optional ? 1 : 0), path)) return;
  if (!path.empty() && path != "~" && !path.starts_with('/')) {
    context.problem = "an absolute path or ~ is expected";
    return;
  }
  exec.working_directory = std::move(path);
}

void BoundingRow(DirectiveContext& context) {
  auto& set = context.unit.service->exec.bounding;
  const bool fresh = !set.has_value();
  if (fresh) set.emplace();
  if (context.value.empty()) {
    set->reset();
  } else {
    Capabilities(context, *set, fresh);
  }
}

void AmbientRow(DirectiveContext& context) {
  if (context.value.empty()) {
    context.unit.service->exec.ambient.reset();
  } else {
    Capabilities(context, context.unit.service->exec.ambient, true);
  }
}

void UmaskRow(DirectiveContext& context) {
  if (const auto mode = ParseMode(context.value); mode && *mode <= 0777) {
    context.unit.service->exec.umask = *mode;
  } else {
    context.problem = "an octal mask is expected";
  }
}

void StartTimeout(DirectiveContext& context) {
  const auto value = ParseTimeSpan(context.value);
  if (!value) {
    context.problem = "a time span is expected";
    return;
  }
  // 0 means none, for the sake of old unit files.
  context.unit.service->start_timeout = value->count() == 0 ? kForever : *value;
  context.unit.service->start_timeout_set = true;
}

void StopTimeout(DirectiveContext& context) {
  const auto value = ParseTimeSpan(context.value);
  if (!value) {
    context.problem = "a time span is expected";
    return;
  }
  context.unit.service->stop_timeout = value->count() == 0 ? kForever : *value;
}

void BothTimeouts(DirectiveContext& context) {
  StartTimeout(context);
  StopTimeout(context);
}

void StartLimitInterval(DirectiveContext& context) {
  if (const auto value = ParseTimeSpan(context.value)) {
    context.unit.start_limit.interval = *value;
  } else {
    context.problem = "a time span is expected";
  }
}

void StartLimitBurst(DirectiveContext& context) {
  if (const auto value = ParseNumber<unsigned>(context.value)) {
    context.unit.start_limit.burst = *value;
  } else {
    context.problem = "a number is expected";
  }
}

void InputRow(DirectiveContext& context) {
  ExecSettings& exec = context.unit.service->exec;
  StreamSetting setting;
  if (!ParseStream(context, setting)) return;
  if (setting.kind == StandardStream::kJournal || setting.kind == StandardStream::kKmsg) {
    context.problem = "input comes from null, tty or file:";
    return;
  }
  exec.input = std::move(setting);
}

void OutputRow(DirectiveContext& context) {
  ParseStream(context, context.unit.service->exec.output);
}

void ErrorRow(DirectiveContext& context) { ParseStream(context, context.unit.service->exec.error); }

void PidFile(DirectiveContext& context) {
  std::string path;
  if (!Expand(context, context.value, path)) return;
  if (!path.empty() && !path.starts_with('/')) path = "/run/" + path;
  if (path.starts_with("/var/run/")) path = "/run/" + path.substr(9);
  context.unit.service->pid_file = std::move(path);
}

}  // namespace inro::unit::parse
