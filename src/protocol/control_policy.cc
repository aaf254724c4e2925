#include "protocol/control_policy.h"

#include <algorithm>
#include <array>
#include <utility>

namespace inro::protocol {
namespace {

constexpr std::array<std::pair<std::string_view, ConsolePolicy>, 3> kConsoleWords = {{
    {"never", ConsolePolicy::kNever},
    {"unverified", ConsolePolicy::kUnverified},
    {"always", ConsolePolicy::kAlways},
}};

constexpr ControlPolicy kClosed{.console = ConsolePolicy::kNever, .exec = false};

std::string_view Trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n'; }

// Whether a word of the line begins with `prefix`; `rest` is then the line after it.
bool FindWord(std::string_view line, std::string_view prefix, std::string_view& rest) {
  for (std::size_t at = line.find(prefix); at != std::string_view::npos;
       at = line.find(prefix, at + 1)) {
    // The kernel lets a word be quoted as a whole: "dm-mod.create=...".
    if (at != 0 && !IsSpace(line[at - 1]) && line[at - 1] != '"') continue;
    rest = line.substr(at + prefix.size());
    return true;
  }
  return false;
}

}  // namespace

ControlPolicy MakeControlPolicy(std::optional<bool> debug, std::optional<bool> exec) {
  ControlPolicy policy;
  if (debug) policy.console = *debug ? ConsolePolicy::kAlways : ConsolePolicy::kNever;
  policy.exec = exec.value_or(debug.value_or(false));
  return policy;
}

std::string ControlPolicyText(const ControlPolicy& policy) {
  std::string text = "console = ";
  for (const auto& [word, value] : kConsoleWords) {
    if (value == policy.console) text += word;
  }
  text += policy.exec ? "\nexec = yes\n" : "\nexec = no\n";
  return text;
}

ControlPolicy ParseControlPolicy(std::string_view text) {
  ControlPolicy policy = kClosed;
  bool has_console = false;
  bool has_exec = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = Trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t equals = line.find('=');
    if (line.starts_with('#') || equals == std::string_view::npos) continue;
    const std::string_view key = Trim(line.substr(0, equals));
    const std::string_view value = Trim(line.substr(equals + 1));
    if (key == "console") {
      const auto* const word =
          std::ranges::find(kConsoleWords, value, [](const auto& entry) { return entry.first; });
      if (word == kConsoleWords.end()) return kClosed;
      policy.console = word->second;
      has_console = true;
    } else if (key == "exec") {
      if (value != "yes" && value != "no") return kClosed;
      policy.exec = value == "yes";
      has_exec = true;
    }
  }
  return has_console && has_exec ? policy : kClosed;
}

bool RootIsVerified(std::string_view command_line) {
  std::string_view rest;
  if (FindWord(command_line, "roothash=", rest)) return true;
  // What is created and not a verity target (a plain linear one) verifies nothing.
  return FindWord(command_line, "dm-mod.create=", rest) && rest.find("verity") != rest.npos;
}

bool ConsoleAllowed(const ControlPolicy& policy, std::string_view command_line) {
  switch (policy.console) {
    case ConsolePolicy::kNever:
      return false;
    case ConsolePolicy::kUnverified:
      return !RootIsVerified(command_line);
    case ConsolePolicy::kAlways:
      return true;
  }
  return false;
}

}  // namespace inro::protocol
