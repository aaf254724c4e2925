#include "unit/command_line.h"

#include <algorithm>
#include <utility>

#include "unit/text.h"

namespace inro::unit {
namespace {

bool IsVariableStart(char c) { return c == '_' || (IsAlnum(c) && !IsDigit(c)); }
bool IsVariableByte(char c) { return c == '_' || IsAlnum(c); }

// Takes the prefix characters off the front of a program's word.
std::uint8_t TakePrefixes(std::string& word) {
  std::uint8_t flags = 0;
  std::size_t i = 0;
  for (; i < word.size(); ++i) {
    switch (word[i]) {
      case '-':
        flags |= kIgnoreFailure;
        continue;
      case '@':
        flags |= kOwnArgv0;
        continue;
      case ':':
        flags |= kNoExpansion;
        continue;
      case '+':
        flags |= kFullPrivileges;
        continue;
      case '!':
        // "!!" is "!" for systems without ambient capabilities, and nothing elsewhere.
        if (word.compare(i, 2, "!!") == 0) {
          ++i;
        } else {
          flags |= kKeepCredentials;
        }
        continue;
      default:
        break;
    }
    break;
  }
  word.erase(0, i);
  return flags;
}

// Replaces ${NAME} and $$ inside one word.
std::string ExpandInWord(std::string_view word, const Environment& environment) {
  std::string out;
  while (!word.empty()) {
    const std::size_t dollar = word.find('$');
    out += word.substr(0, dollar);
    if (dollar == std::string_view::npos) break;
    word.remove_prefix(dollar);
    if (word.starts_with("$$")) {
      out += '$';
      word.remove_prefix(2);
      continue;
    }
    const std::size_t close = word.find('}');
    if (word.starts_with("${") && close != std::string_view::npos) {
      const std::string_view name = word.substr(2, close - 2);
      if (!name.empty() && IsVariableStart(name.front()) &&
          std::ranges::all_of(name, IsVariableByte)) {
        out += GetVariable(environment, name);
        word.remove_prefix(close + 1);
        continue;
      }
    }
    out += '$';
    word.remove_prefix(1);
  }
  return out;
}

}  // namespace

Result<std::vector<Command>> ParseCommandLine(std::string_view line, std::string_view unit_name,
                                              const SystemFacts& facts, std::string_view fragment) {
  std::vector<Command> commands;
  std::size_t words = 0;
  while (true) {
    std::string word;
    bool bad = false;
    if (!NextQuoted(line, word, bad)) {
      if (bad) return FailAs(ErrorKind::kBadInput, "a quote is not closed");
      break;
    }
    if (word == ";") continue;
    Command command;
    command.flags = TakePrefixes(word);
    INRO_ASSIGN(command.program, ExpandSpecifiers(word, unit_name, facts, fragment));
    if (command.program.empty()) {
      return FailAs(ErrorKind::kBadInput, "the program is missing");
    }
    if (command.program.front() != '/' && command.program.find('/') != std::string::npos) {
      return FailAs(ErrorKind::kBadInput, "\"{}\" is neither an absolute path nor a bare name",
                    command.program);
    }
    while (true) {
      // A lone unquoted ";" ends the command; "\;" is a literal one.
      const std::string_view rest = Trim(line);
      if (rest == ";" || rest.starts_with("; ") || rest.starts_with(";\t")) break;
      if (rest == "\\;" || rest.starts_with("\\; ")) {
        command.argv.emplace_back(";");
        line = rest.substr(2);
        continue;
      }
      if (!NextQuoted(line, word, bad)) break;
      if (++words > kMaxArguments) {
        return FailAs(ErrorKind::kBadInput, "over {} arguments", kMaxArguments);
      }
      INRO_ASSIGN(std::string argument, ExpandSpecifiers(word, unit_name, facts, fragment));
      command.argv.push_back(std::move(argument));
    }
    if (bad) return FailAs(ErrorKind::kBadInput, "a quote is not closed");
    if ((command.flags & kOwnArgv0) == 0) {
      command.argv.insert(command.argv.begin(), command.program);
    } else if (command.argv.empty()) {
      return FailAs(ErrorKind::kBadInput, "after \"@\" the word for argv[0] is missing");
    }
    commands.push_back(std::move(command));
  }
  return commands;
}

bool IsAssignment(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0 || !IsVariableStart(text.front())) {
    return false;
  }
  return std::ranges::all_of(text.substr(0, equals), IsVariableByte);
}

void SetVariable(Environment& environment, std::string_view assignment) {
  const std::string_view name = assignment.substr(0, assignment.find('=') + 1);
  for (std::string& entry : environment) {
    if (entry.starts_with(name)) {
      entry = assignment;
      return;
    }
  }
  environment.emplace_back(assignment);
}

void UnsetVariable(Environment& environment, std::string_view name) {
  std::erase_if(environment, [&](const std::string& entry) {
    return entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=';
  });
}

std::string_view GetVariable(const Environment& environment, std::string_view name) {
  for (const std::string& entry : environment) {
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=') {
      return std::string_view(entry).substr(name.size() + 1);
    }
  }
  return "";
}

std::vector<std::string> ExpandArguments(const Command& command, const Environment& environment) {
  if ((command.flags & kNoExpansion) != 0) return command.argv;
  std::vector<std::string> out;
  for (std::size_t i = 0; i < command.argv.size(); ++i) {
    const std::string& word = command.argv[i];
    const bool whole = i > 0 && word.size() > 1 && word[0] == '$' && IsVariableStart(word[1]) &&
                       std::all_of(word.begin() + 1, word.end(), IsVariableByte);
    if (!whole) {
      out.push_back(i == 0 ? word : ExpandInWord(word, environment));
      continue;
    }
    std::string_view value = GetVariable(environment, std::string_view(word).substr(1));
    if (auto words = SplitQuoted(value)) {
      for (std::string& piece : *words) out.push_back(std::move(piece));
    } else {
      for (const std::string_view piece : SplitWords(value)) out.emplace_back(piece);
    }
  }
  if (out.size() > kMaxArguments) out.resize(kMaxArguments);
  return out;
}

}  // namespace inro::unit
