#include "unit/environment_file.h"

#include <algorithm>
#include <string>

#include "unit/text.h"

namespace inro::unit {
namespace {

// Reads one value from `text` up to the end of its line, which may go on in quotes or after a
// backslash; `text` is advanced past it. Double quotes keep a backslash unless it escapes one of
// `"\$` or a backquote; single quotes keep everything.
std::string TakeValue(std::string_view& text) {
  std::string value;
  std::size_t keep = 0;  // trailing white space beyond this length is dropped
  char quote = 0;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (quote == 0 && c == '\n') break;
    if (quote == '\'') {
      if (c == '\'') {
        quote = 0;
      } else {
        value += c;
      }
      keep = value.size();
      continue;
    }
    if (c == '\\') {
      if (text.empty()) break;
      const char next = text.front();
      text.remove_prefix(1);
      if (next == '\n') continue;
      if (quote == '"' && std::string_view("\"\\$`").find(next) == std::string_view::npos) {
        value += '\\';
      }
      value += next;
      keep = value.size();
      continue;
    }
    if (c == '"' || (quote == 0 && c == '\'' && value.empty())) {
      quote = quote == 0 ? c : '\0';
      keep = value.size();
      continue;
    }
    if (quote == 0 && IsSpace(c)) {
      if (!value.empty()) value += c;
      continue;
    }
    value += c;
    keep = value.size();
  }
  value.resize(std::min(keep, value.size()));
  return value;
}

}  // namespace

Environment ParseEnvironmentFile(std::string_view text) {
  constexpr std::size_t kLimit = 256 << 10;
  constexpr std::size_t kMaxVariables = 1024;
  text = text.substr(0, std::min(text.size(), kLimit));
  Environment environment;
  while (!text.empty() && environment.size() < kMaxVariables) {
    const std::size_t end = text.find_first_of("=\n");
    const std::string_view head = Trim(text.substr(0, end));
    const bool comment = head.starts_with('#') || head.starts_with(';');
    if (end == std::string_view::npos) break;
    if (comment || text[end] == '\n') {
      const std::size_t newline = text.find('\n', comment ? 0 : end);
      text.remove_prefix(newline == std::string_view::npos ? text.size() : newline + 1);
      continue;
    }
    text.remove_prefix(end + 1);
    const std::string assignment = std::string(head) + "=" + TakeValue(text);
    if (IsAssignment(assignment) && assignment.find('\0') == std::string::npos) {
      SetVariable(environment, assignment);
    }
  }
  return environment;
}

}  // namespace inro::unit
