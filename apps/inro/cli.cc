#include "cli.h"

#include <unistd.h>

#include <cstdio>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#include <CLI/CLI.hpp>
#pragma GCC diagnostic pop

#include "base/nearest.h"
#include "progress_line.h"
#include "sys/file.h"
#include "verbs.h"

namespace inro::cli {
namespace {

constexpr std::string_view kAbout =
    "Makes, boots and proves the mini operating system inside a VM-isolated container.";

constexpr std::string_view kExitCodes =
    "Exit codes: 0 done; 1 it was tried and failed; 2 bad usage or bad input; 130 interrupted.\n"
    "Data goes to stdout, progress and errors to stderr. Every verb that prints data takes\n"
    "--format json: stdout then holds exactly one document.";

constexpr std::string_view kExamples =
    "Examples:\n"
    "  inro build images/debian -o out     make image and initrd from a definition\n"
    "  inro boot out/debian.initrd         boot an artifact, show the agent's answer\n"
    "  inro compare images/debian          build both forms, boot both, print the table\n"
    "  inro inspect out/debian.img /etc    list what an artifact holds\n"
    "  inro config out/debian.img --kata configuration.toml\n";

// A verb with what CLI11 fills in for it.
struct BoundVerb {
  const VerbRow* row = nullptr;
  std::unique_ptr<Verb> verb;
  CLI::App* app = nullptr;
};

struct CommandLine {
  CLI::App app{std::string(kAbout), "inro"};
  std::vector<BoundVerb> verbs;
  bool quiet = false;
  bool version = false;
};

void AddOption(CLI::App& app, const Option& option) {
  CLI::Option* added = nullptr;
  if (auto* flag = std::get_if<bool*>(&option.target)) {
    app.add_flag(option.names, **flag, option.help)
        ->group(option.group.empty() ? "Options" : option.group);
    return;
  }
  if (auto* text = std::get_if<std::string*>(&option.target)) {
    added = app.add_option(option.names, **text, option.help);
  } else if (auto* number = std::get_if<std::optional<std::uint64_t>*>(&option.target)) {
    added = app.add_option(option.names, **number, option.help);
  } else {
    added = app.add_option(option.names, *std::get<std::vector<std::string>*>(option.target),
                           option.help)
                ->expected(1)
                ->take_all();
  }
  added->type_name(option.value);
  if (!option.group.empty()) added->group(option.group);
  if (option.required) added->required();
  if (!option.choices.empty()) {
    std::string words;
    for (const std::string& choice : option.choices) {
      if (!words.empty()) words += "|";
      words += choice;
    }
    added->type_name(words);
    // Not CLI::IsMember: its words for a wrong value are hard to read.
    added->check(CLI::Validator(
        [choices = option.choices, words](std::string& value) {
          for (const std::string& choice : choices) {
            if (choice == value) return std::string();
          }
          return fmt::format("'{}' is none of {}", value, words);
        },
        ""));
  }
}

std::unique_ptr<CommandLine> MakeCommandLine() {
  auto line = std::make_unique<CommandLine>();
  CLI::App& app = line->app;
  app.require_subcommand(0, 1);
  app.set_help_flag("-h,--help", "Show this help");
  app.add_flag("--version", line->version, "Show the version");
  app.add_flag("-q,--quiet", line->quiet, "No progress on stderr");
  app.footer(fmt::format("{}\n{}\n`inro VERB --help` tells more.", kExamples, kExitCodes));
  app.get_formatter()->column_width(34);
  app.get_formatter()->label("SUBCOMMAND", "VERB");
  for (const VerbRow& row : Verbs()) {
    BoundVerb bound{&row, row.make(), nullptr};
    bound.app = app.add_subcommand(std::string(row.name), std::string(row.summary));
    bound.app->group(row.hidden ? "" : "Verbs");
    bound.app->set_help_flag("-h,--help", "Show this help");
    for (const Option& option : bound.verb->Options()) AddOption(*bound.app, option);
    bound.app->add_flag("-q,--quiet", line->quiet, "No progress on stderr");
    std::string footer;
    if (!row.description.empty()) footer += fmt::format("{}\n", row.description);
    if (!row.examples.empty()) footer += fmt::format("\nExamples:\n{}", row.examples);
    if (row.more_help != nullptr) footer += fmt::format("\n{}", row.more_help());
    footer += fmt::format("\n{}", kExitCodes);
    bound.app->footer(footer);
    line->verbs.push_back(std::move(bound));
  }
  return line;
}

void PrintError(std::string_view message) {
  const std::string text = fmt::format("inro: {}\n", message);
  [[maybe_unused]] const auto written = sys::WriteAll(STDERR_FILENO, text, "stderr");
}

// CLI11's words for the case that a verb is mistyped speak of arguments; this speaks of verbs.
std::string UsageProblem(const CommandLine& line, int argc, char** argv,
                         const CLI::ParseError& error) {
  const bool verb_given = !line.app.get_subcommands().empty();
  if (!verb_given && argc > 1 && argv[1][0] != '-') {
    std::vector<std::string> names;
    for (const VerbRow& row : Verbs()) {
      if (!row.hidden) names.emplace_back(row.name);
    }
    const std::string nearest = Nearest(argv[1], names);
    return fmt::format("there is no verb '{}'{}; see `inro --help`", argv[1],
                       nearest.empty() ? "" : fmt::format(": did you mean '{}'?", nearest));
  }
  std::string where = "inro";
  for (const CLI::App* sub : line.app.get_subcommands()) where += " " + sub->get_name();
  std::string problem = error.what();
  while (problem.ends_with('\n') || problem.ends_with('.')) problem.pop_back();
  return fmt::format("{}; see `{} --help`", problem, where);
}

std::string ProgramPath() {
  char path[4096];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
  return size > 0 ? std::string(path, static_cast<std::size_t>(size)) : std::string();
}

int RunVerb(CommandLine& line, BoundVerb& bound) {
  auto interrupt = sys::Interrupt::Install();
  if (!interrupt) {
    PrintError(interrupt.error().ToString());
    return 1;
  }
  SilentProgress silent;
  ProgressLine shown(STDERR_FILENO, ::isatty(STDERR_FILENO) == 1);
  Session session{line.quiet ? static_cast<Progress&>(silent) : shown, interrupt->get(),
                  ProgramPath()};
  Result<int> status = bound.verb->Run(session);
  shown.Finish();
  if (status) return *status;
  PrintError(status.error().ToString());
  return ExitCode(status.error());
}

}  // namespace

Result<> Print(std::string_view text) { return sys::WriteAll(STDOUT_FILENO, text, "stdout"); }

std::string HelpText(const std::string& verb) {
  const auto line = MakeCommandLine();
  if (verb.empty()) return line->app.help();
  for (BoundVerb& bound : line->verbs) {
    if (bound.row->name == verb) return bound.app->help("inro");
  }
  return "";
}

int RunCli(int argc, char** argv) {
  const auto line = MakeCommandLine();
  try {
    line->app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    const auto subs = line->app.get_subcommands();
    const auto printed = Print(subs.empty() ? line->app.help() : subs[0]->help("inro"));
    return printed ? 0 : 1;
  } catch (const CLI::ParseError& error) {
    PrintError(UsageProblem(*line, argc, argv, error));
    return 2;
  }
  if (line->version) {
    const auto printed = Print("inro " INRO_VERSION "\n");
    return printed ? 0 : 1;
  }
  for (BoundVerb& bound : line->verbs) {
    if (bound.app->parsed()) return RunVerb(*line, bound);
  }
  PrintError("no verb was given; see `inro --help`");
  return 2;
}

}  // namespace inro::cli
