#include "unit/text.h"

namespace inro::unit {
namespace {

void AppendUtf8(std::string& out, unsigned long code) {
  const auto push = [&](unsigned long byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    push(code);
  } else if (code < 0x800) {
    push(0xC0 | (code >> 6));
    push(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    push(0xE0 | (code >> 12));
    push(0x80 | ((code >> 6) & 0x3F));
    push(0x80 | (code & 0x3F));
  } else {
    push(0xF0 | (code >> 18));
    push(0x80 | ((code >> 12) & 0x3F));
    push(0x80 | ((code >> 6) & 0x3F));
    push(0x80 | (code & 0x3F));
  }
}

// `text` starts after the backslash; what was read is removed. A NUL is refused: it would cut the
// argument short.
bool TakeEscape(std::string_view& text, std::string& out) {
  if (text.empty()) return false;
  const char kind = text.front();
  text.remove_prefix(1);
  constexpr std::string_view kNames = "abfnrtv\\\"'s";
  constexpr std::string_view kBytes = "\a\b\f\n\r\t\v\\\"' ";
  if (const std::size_t at = kNames.find(kind); at != std::string_view::npos) {
    out += kBytes[at];
    return true;
  }
  std::size_t digits = 0;
  int base = 16;
  switch (kind) {
    case 'x':
      digits = 2;
      break;
    case 'u':
      digits = 4;
      break;
    case 'U':
      digits = 8;
      break;
    default:
      if (kind < '0' || kind > '7' || text.size() < 2) return false;
      {
        const std::string octal = std::string(1, kind) + std::string(text.substr(0, 2));
        const auto code = ParseNumber<unsigned>(octal, 8);
        if (!code || *code == 0 || *code > 255) return false;
        text.remove_prefix(2);
        out += static_cast<char>(*code);
        return true;
      }
  }
  if (text.size() < digits) return false;
  const auto code = ParseNumber<unsigned long>(text.substr(0, digits), base);
  if (!code || *code == 0 || *code > 0x10FFFF) return false;
  text.remove_prefix(digits);
  if (kind == 'x') {
    out += static_cast<char>(*code);
  } else {
    AppendUtf8(out, *code);
  }
  return true;
}

}  // namespace

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> SplitWords(std::string_view text) {
  std::vector<std::string_view> words;
  while (true) {
    while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
    if (text.empty()) return words;
    std::size_t end = 0;
    while (end < text.size() && !IsSpace(text[end])) ++end;
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

bool NextQuoted(std::string_view& text, std::string& word, bool& bad) {
  bad = false;
  word.clear();
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  if (text.empty()) return false;
  char quote = 0;
  while (!text.empty()) {
    const char c = text.front();
    if (quote == 0 && IsSpace(c)) return true;
    text.remove_prefix(1);
    if (c == '\\') {
      // What is no escape stays as it is, as in the original.
      const std::string_view rest = text;
      if (!TakeEscape(text, word)) {
        text = rest;
        word += c;
      }
    } else if (quote != 0 && c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else {
      word += c;
    }
  }
  bad = quote != 0;
  return !bad;
}

std::optional<std::vector<std::string>> SplitQuoted(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool bad = false;
  while (NextQuoted(text, word, bad)) words.push_back(word);
  if (bad) return std::nullopt;
  return words;
}

std::optional<std::string> UnescapeText(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c != '\\') {
      out += c;
    } else if (!TakeEscape(text, out)) {
      return std::nullopt;
    }
  }
  return out;
}

}  // namespace inro::unit
