#include "image/finish/text_lines.h"

namespace inro::image {

std::vector<std::string_view> SplitLines(std::string_view text) {
  std::vector<std::string_view> lines = SplitFields(text, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

std::vector<std::string_view> SplitFields(std::string_view line, char separator) {
  std::vector<std::string_view> fields;
  for (;;) {
    const std::size_t end = line.find(separator);
    fields.push_back(line.substr(0, end));
    if (end == std::string_view::npos) return fields;
    line.remove_prefix(end + 1);
  }
}

std::vector<std::string> SplitWords(std::string_view line) {
  std::vector<std::string> words;
  bool in_word = false;
  char quote = '\0';
  for (const char c : line) {
    if (quote != '\0') {
      if (c == quote) {
        quote = '\0';
      } else {
        words.back() += c;
      }
      continue;
    }
    if (c == ' ' || c == '\t' || c == '\r') {
      in_word = false;
      continue;
    }
    if (!in_word) words.emplace_back();
    in_word = true;
    if (c == '"' || c == '\'') {
      quote = c;
    } else {
      words.back() += c;
    }
  }
  return words;
}

std::string_view TrimBlanks(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

bool MatchesGlob(std::string_view pattern, std::string_view path) {
  // One row of the table "pattern up to here matches path up to there".
  std::vector<bool> row(path.size() + 1, false);
  row[0] = true;
  for (std::size_t p = 0; p < pattern.size();) {
    std::vector<bool> next(path.size() + 1, false);
    if (pattern[p] == '*') {
      const bool crosses = p + 1 < pattern.size() && pattern[p + 1] == '*';
      p += crosses ? 2 : 1;
      for (std::size_t i = 0; i <= path.size(); ++i) {
        next[i] = row[i] || (i > 0 && next[i - 1] && (crosses || path[i - 1] != '/'));
      }
    } else {
      for (std::size_t i = 1; i <= path.size(); ++i) {
        next[i] =
            row[i - 1] && (pattern[p] == path[i - 1] || (pattern[p] == '?' && path[i - 1] != '/'));
      }
      ++p;
    }
    row = std::move(next);
  }
  return row[path.size()];
}

}  // namespace inro::image
