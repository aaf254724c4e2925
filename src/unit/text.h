// Small pieces of text: trimming, words, numbers, with nothing of the C locale.
#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace inro::unit {

inline bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
inline bool IsDigit(char c) { return c >= '0' && c <= '9'; }
inline bool IsAlnum(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string_view Trim(std::string_view text);

// Splits at white space; no quoting.
std::vector<std::string_view> SplitWords(std::string_view text);

// Splits at white space with the quoting rules of systemd.syntax(7): "..." and '...' around a word
// or inside it, C escapes (\n, \x41, \u..., \s for a space) everywhere; what is none of them
// stays as it is. nullopt when a quote is not closed.
std::optional<std::vector<std::string>> SplitQuoted(std::string_view text);

// The next quoted word of `text`, which is advanced past it. False at the end or on an error
// (`bad` tells).
bool NextQuoted(std::string_view& text, std::string& word, bool& bad);

// C escapes of a text that is one value (no quotes); nullopt when one is not known.
std::optional<std::string> UnescapeText(std::string_view text);

// A whole decimal (or base `base`) number.
template <class T>
std::optional<T> ParseNumber(std::string_view text, int base = 10) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

}  // namespace inro::unit
