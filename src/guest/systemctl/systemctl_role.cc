#include "guest/systemctl/systemctl_role.h"

#include <algorithm>
#include <cstring>

#include "guest/systemctl/context.h"
#include "unit/text.h"
#include "unit/value.h"

namespace inro::guest::systemctl {
namespace {

struct VerbRow {
  std::string_view name;
  Verb run;
};
constexpr VerbRow kVerbs[] = {
    {"cat", &RunCat},
    {"condrestart", &RunJobVerb},
    {"daemon-reexec", &RunDaemonReload},
    {"daemon-reload", &RunDaemonReload},
    {"default", &RunNamedTarget},
    {"disable", &RunInstall},
    {"emergency", &RunNamedTarget},
    {"enable", &RunInstall},
    {"exit", &RunPower},
    {"force-reload", &RunJobVerb},
    {"get-default", &RunGetDefault},
    {"halt", &RunPower},
    {"is-active", &RunIsActive},
    {"is-enabled", &RunIsEnabled},
    {"is-failed", &RunIsFailed},
    {"is-system-running", &RunIsSystemRunning},
    {"isolate", &RunIsolate},
    {"kill", &RunKill},
    {"list-dependencies", &RunListDependencies},
    {"list-jobs", &RunListJobs},
    {"list-sockets", &RunListSockets},
    {"list-timers", &RunListTimers},
    {"list-unit-files", &RunListUnitFiles},
    {"list-units", &RunListUnits},
    {"mask", &RunInstall},
    {"poweroff", &RunPower},
    {"preset", &RunInstall},
    {"reboot", &RunPower},
    {"reenable", &RunInstall},
    {"reload", &RunJobVerb},
    {"reload-or-restart", &RunJobVerb},
    {"reload-or-try-restart", &RunJobVerb},
    {"rescue", &RunNamedTarget},
    {"reset-failed", &RunResetFailed},
    {"restart", &RunJobVerb},
    {"set-default", &RunInstall},
    {"show", &RunShow},
    {"start", &RunJobVerb},
    {"status", &RunStatus},
    {"stop", &RunJobVerb},
    {"try-reload-or-restart", &RunJobVerb},
    {"try-restart", &RunJobVerb},
    {"unmask", &RunInstall},
};

void AddList(std::string_view text, std::vector<std::string>& list) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    if (end > 0) list.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// An option without a value; false when there is none of that name.
bool SetFlag(Options& options, std::string_view name) {
  struct Flag {
    std::string_view name;
    bool Options::* flag;  // nullptr: harmless here
  };
  constexpr Flag kFlags[] = {
      {"all", &Options::all},
      {"full", &Options::full},
      {"no-ask-password", nullptr},
      {"no-block", &Options::no_block},
      {"no-legend", &Options::no_legend},
      {"no-pager", nullptr},
      {"no-reload", &Options::no_reload},
      {"no-wall", nullptr},
      {"no-warn", nullptr},
      {"now", &Options::now},
      {"plain", &Options::plain},
      {"quiet", &Options::quiet},
      {"recursive", nullptr},
      {"reverse", &Options::reverse},
      {"runtime", &Options::runtime},
      {"system", nullptr},
      {"value", &Options::value},
      {"wait", nullptr},
  };
  if (name == "force") {
    ++options.force;
    return true;
  }
  if (name == "failed") {
    options.states = {"failed"};
    return true;
  }
  const auto* found = std::ranges::find(kFlags, name, &Flag::name);
  if (found == std::end(kFlags)) return false;
  if (found->flag != nullptr) options.*found->flag = true;
  return true;
}

// An option with a value: "" when it is right, else what is wrong.
std::string SetValue(Options& options, std::string_view name, std::string_view value) {
  if (name == "type") {
    AddList(value, options.types);
  } else if (name == "state") {
    AddList(value, options.states);
  } else if (name == "property") {
    options.properties.emplace_back(value);
  } else if (name == "lines") {
    const auto lines = unit::ParseNumber<std::uint32_t>(value);
    if (!lines) return fmt::format("Failed to parse lines '{}'", value);
    options.lines = *lines;
  } else if (name == "signal") {
    const auto signal = unit::ParseSignal(value);
    if (!signal) return fmt::format("Failed to parse signal string {}.", value);
    options.signal = *signal;
  } else if (name == "kill-whom" || name == "kill-who") {
    if (value == "main") {
      options.who = protocol::InitWho::kMain;
    } else if (value == "control") {
      options.who = protocol::InitWho::kControl;
    } else if (value != "all") {
      return fmt::format("{}: expected main, control or all.", value);
    }
  } else if (name == "job-mode") {
    if (value == "fail") {
      options.mode = protocol::InitMode::kFail;
    } else if (value == "isolate") {
      options.mode = protocol::InitMode::kIsolate;
    } else if (value == "ignore-dependencies") {
      options.mode = protocol::InitMode::kIgnoreDependencies;
    }
  } else if (name == "legend") {
    options.no_legend = value == "no" || value == "false" || value == "0";
  }
  return "";
}

constexpr std::string_view kWithValue[] = {"type",   "state",     "property",        "lines",
                                           "signal", "kill-whom", "kill-who",        "job-mode",
                                           "legend", "output",    "message",         "preset-mode",
                                           "when",   "timestamp", "check-inhibitors"};

struct Short {
  char letter;
  std::string_view name;
};
constexpr Short kShort[] = {{'a', "all"},    {'f', "force"},    {'l', "full"},   {'n', "lines"},
                            {'o', "output"}, {'p', "property"}, {'q', "quiet"},  {'r', "recursive"},
                            {'s', "signal"}, {'t', "type"},     {'T', "no-warn"}};

bool TakesValue(std::string_view name) {
  return std::ranges::find(kWithValue, name) != std::end(kWithValue);
}

// Options may stand anywhere before "--". False: a complaint was made.
bool ParseWords(const std::vector<std::string_view>& given, Context& context) {
  bool only_words = false;
  for (std::size_t i = 0; i < given.size(); ++i) {
    std::string_view word = given[i];
    if (only_words || word.size() < 2 || word.front() != '-') {
      context.words.emplace_back(word);
      continue;
    }
    if (word == "--") {
      only_words = true;
      continue;
    }
    const auto with_value = [&](std::string_view name, std::optional<std::string_view> value) {
      if (!value && i + 1 < given.size()) value = given[++i];
      if (!value) {
        Complain("Option --{} requires an argument.", name);
        return false;
      }
      const std::string problem = SetValue(context.options, name, *value);
      if (!problem.empty()) Complain("{}", problem);
      return problem.empty();
    };
    if (word.starts_with("--")) {
      word.remove_prefix(2);
      const std::size_t equals = word.find('=');
      const std::string_view name = word.substr(0, equals);
      if (TakesValue(name)) {
        const auto value =
            equals == word.npos ? std::nullopt : std::optional(word.substr(equals + 1));
        if (!with_value(name, value)) return false;
      } else if (!SetFlag(context.options, name)) {
        Complain("Unknown option --{}.", name);
        return false;
      }
      continue;
    }
    word.remove_prefix(1);
    while (!word.empty()) {
      const auto* row = std::ranges::find(kShort, word.front(), &Short::letter);
      if (row == std::end(kShort)) {
        // "-P NAME" is "-p NAME --value".
        if (word.front() != 'P') {
          Complain("Unknown option -{}.", word.front());
          return false;
        }
        context.options.value = true;
        if (!with_value("property",
                        word.size() > 1 ? std::optional(word.substr(1)) : std::nullopt)) {
          return false;
        }
        break;
      }
      word.remove_prefix(1);
      if (TakesValue(row->name)) {
        if (!with_value(row->name, word.empty() ? std::nullopt : std::optional(word))) return false;
        break;
      }
      SetFlag(context.options, row->name);
    }
  }
  return true;
}

void PrintHelp() {
  Print("systemctl [OPTIONS...] COMMAND ...\n\nCommands:");
  std::size_t column = 0;
  for (const VerbRow& row : kVerbs) {
    if (column == 0 || column + row.name.size() > 76) {
      Print("\n  ");
      column = 2;
    }
    Printf("{} ", row.name);
    column += row.name.size() + 1;
  }
  Print(
      "\n\nOptions: -a --all, -t --type=, --state=, --failed, -p --property=, -P, --value, -q "
      "--quiet,\n  --no-block, --job-mode=, --now, --runtime, -f --force, -s --signal=, "
      "--kill-whom=, -n --lines=,\n  --plain, --no-legend, --no-pager, --reverse, --version\n");
}

int Dispatch(Context& context) {
  if (context.words.empty()) context.words = {"list-units"};
  const auto* row = std::ranges::find(kVerbs, context.words[0], &VerbRow::name);
  if (row == std::end(kVerbs)) {
    Complain("Unknown command verb {}.", context.words[0]);
    return kFailure;
  }
  return row->run(context);
}

// "shutdown [-h|-P|-r|-H] [now]": what it means as a verb; empty when it is not understood.
std::string ShutdownVerb(const std::vector<std::string_view>& words) {
  std::string verb = "poweroff";
  bool now = false;
  for (const std::string_view word : words) {
    if (word == "-r" || word == "--reboot") {
      verb = "reboot";
    } else if (word == "-H" || word == "--halt") {
      verb = "halt";
    } else if (word == "now" || word == "+0") {
      now = true;
    } else if (word != "-h" && word != "-P" && word != "--poweroff" && word != "--no-wall") {
      return "";
    }
  }
  return now ? verb : "";
}

}  // namespace

int RunSystemctl(int argc, char** argv) {
  std::string_view name = argc > 0 ? argv[0] : "systemctl";
  name.remove_prefix(name.rfind('/') + 1);
  std::vector<std::string_view> given;
  for (int i = 1; i < argc; ++i) given.emplace_back(argv[i]);
  Context context;
  if (name == "shutdown") {
    const std::string verb = ShutdownVerb(given);
    if (verb.empty()) {
      Complain("shutdown: only \"shutdown [-h|-P|-r|-H] now\" is supported");
      return kFailure;
    }
    context.words = {verb};
    return Dispatch(context);
  }
  for (const std::string_view word : given) {
    if (word == "--") break;
    if (word == "--version") {
      Print("systemd 252 (inro " INRO_VERSION ")\n");
      return kSuccess;
    }
    if (word == "--help" || word == "-h") {
      PrintHelp();
      return kSuccess;
    }
  }
  const bool power = name == "poweroff" || name == "reboot" || name == "halt";
  if (!ParseWords(given, context)) return kFailure;
  if (power) context.words.insert(context.words.begin(), std::string(name));
  return Dispatch(context);
}

}  // namespace inro::guest::systemctl
