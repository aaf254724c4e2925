#include "unit/unit_syntax.h"

#include <utility>

#include "unit/text.h"

namespace inro::unit {
namespace {

struct LogicalLine {
  std::string text;
  int line = 0;
};

bool IsComment(std::string_view line) { return line.starts_with('#') || line.starts_with(';'); }

// Joins continuation lines with one space. A comment inside a continuation is left out. `error`: at
// which line that ended before the end of the text.
std::vector<LogicalLine> JoinLines(std::string_view text, const std::string& file,
                                   std::optional<Error>& error) {
  constexpr std::string_view kLineEnds("\n\0", 2);
  std::vector<LogicalLine> lines;
  LogicalLine current;
  bool continuing = false;
  int number = 0;
  while (!text.empty()) {
    const std::size_t end = text.find_first_of(kLineEnds);
    std::string_view raw = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number;
    if (raw.size() + current.text.size() > kMaxLineBytes) {
      error = Error::InFile(file, number, fmt::format("the line is over {} bytes", kMaxLineBytes));
      return lines;
    }
    std::string_view line = Trim(raw);
    if (IsComment(line)) continue;
    if (!continuing) {
      if (line.empty()) continue;
      current = {std::string(), number};
    }
    continuing = line.ends_with('\\');
    if (continuing) line.remove_suffix(1);
    current.text += line;
    if (continuing) {
      current.text += ' ';
    } else {
      lines.push_back(std::exchange(current, {}));
    }
  }
  if (continuing) lines.push_back(std::move(current));
  return lines;
}

}  // namespace

UnitSyntax ReadUnitSyntax(std::string_view text, const std::string& file, Findings& findings) {
  UnitSyntax syntax;
  if (text.size() > kMaxUnitFileBytes) {
    syntax.error =
        Error::InFile(file, 0, fmt::format("the file is over {} bytes", kMaxUnitFileBytes));
    return syntax;
  }
  std::string section;
  const auto warn = [&](int line, std::string message) {
    findings.push_back({FindingKind::kWarning, file, line, std::move(message)});
  };
  for (const LogicalLine& line : JoinLines(text, file, syntax.error)) {
    const std::string_view content = Trim(line.text);
    if (content.starts_with('[')) {
      if (!content.ends_with(']')) {
        syntax.error = Error::InFile(file, line.line, "a section header is [Name]");
        return syntax;
      }
      section = content.substr(1, content.size() - 2);
      if (section.empty()) warn(line.line, "a section without a name is ignored");
      continue;
    }
    const std::size_t equals = content.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      warn(line.line, "neither a section nor Name=value; the line is ignored");
      continue;
    }
    if (section.empty()) {
      warn(line.line, "an assignment before the first [Section] is ignored");
      continue;
    }
    syntax.assignments.push_back({section, std::string(Trim(content.substr(0, equals))),
                                  std::string(Trim(content.substr(equals + 1))), line.line});
  }
  return syntax;
}

Result<std::vector<Assignment>> ParseUnitSyntax(std::string_view text, const std::string& file,
                                                Findings& findings) {
  UnitSyntax syntax = ReadUnitSyntax(text, file, findings);
  if (syntax.error) return std::unexpected(*syntax.error);
  return std::move(syntax.assignments);
}

}  // namespace inro::unit
