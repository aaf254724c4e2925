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

// Joins continuation lines with one space. A comment inside a continuation is left out.
Result<std::vector<LogicalLine>> JoinLines(std::string_view text, const std::string& file) {
  std::vector<LogicalLine> lines;
  LogicalLine current;
  bool continuing = false;
  int number = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view raw = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number;
    if (raw.find('\0') != std::string_view::npos) {
      return std::unexpected(Error::InFile(file, number, "the line holds a NUL byte"));
    }
    if (raw.size() + current.text.size() > kMaxLineBytes) {
      return std::unexpected(
          Error::InFile(file, number, fmt::format("the line is over {} bytes", kMaxLineBytes)));
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

Result<std::vector<Assignment>> ParseUnitSyntax(std::string_view text, const std::string& file,
                                                Findings& findings) {
  if (text.size() > kMaxUnitFileBytes) {
    return std::unexpected(
        Error::InFile(file, 0, fmt::format("the file is over {} bytes", kMaxUnitFileBytes)));
  }
  INRO_ASSIGN(const std::vector<LogicalLine> lines, JoinLines(text, file));
  std::vector<Assignment> assignments;
  std::string section;
  const auto warn = [&](int line, std::string message) {
    findings.push_back({FindingKind::kWarning, file, line, std::move(message)});
  };
  for (const LogicalLine& line : lines) {
    const std::string_view content = Trim(line.text);
    if (content.starts_with('[')) {
      if (!content.ends_with(']') || content.size() < 3) {
        warn(line.line, "a section header is [Name]; the line is ignored");
        continue;
      }
      section = content.substr(1, content.size() - 2);
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
    assignments.push_back({section, std::string(Trim(content.substr(0, equals))),
                           std::string(Trim(content.substr(equals + 1))), line.line});
  }
  return assignments;
}

}  // namespace inro::unit
