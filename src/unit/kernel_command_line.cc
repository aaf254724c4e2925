#include "unit/kernel_command_line.h"

#include <algorithm>
#include <utility>

#include "unit/text.h"
#include "unit/value.h"

namespace inro::unit {

KernelCommandLine KernelCommandLine::Parse(std::string_view text) {
  constexpr std::size_t kLimit = 64 << 10;
  text = text.substr(0, std::min(text.size(), kLimit));
  KernelCommandLine line;
  std::string word;
  bool quoted = false;
  bool any = false;
  const auto finish = [&] {
    if (!any) return true;
    any = false;
    if (word == "--") return false;
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) {
      line.words_.push_back({std::move(word), std::nullopt});
    } else {
      line.words_.push_back({word.substr(0, equals), word.substr(equals + 1)});
    }
    word.clear();
    return true;
  };
  for (const char c : text) {
    if (c == '\0') break;
    if (c == '"') {
      quoted = !quoted;
      any = true;
    } else if (!quoted && IsSpace(c)) {
      if (!finish()) return line;
    } else {
      word += c;
      any = true;
    }
  }
  finish();
  return line;
}

bool KernelCommandLine::Has(std::string_view name) const {
  return std::ranges::any_of(words_, [&](const Word& word) { return word.name == name; });
}

std::optional<std::string_view> KernelCommandLine::Last(std::string_view name) const {
  for (auto word = words_.rbegin(); word != words_.rend(); ++word) {
    if (word->name == name && word->value) return *word->value;
  }
  return std::nullopt;
}

std::vector<std::string_view> KernelCommandLine::All(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const Word& word : words_) {
    if (word.name == name && word.value) values.push_back(*word.value);
  }
  return values;
}

bool KernelCommandLine::Flag(std::string_view name, bool fallback) const {
  for (auto word = words_.rbegin(); word != words_.rend(); ++word) {
    if (word->name == name) return word->value ? ParseBool(*word->value).value_or(fallback) : true;
  }
  return fallback;
}

bool KernelCommandLine::Matches(std::string_view condition) const {
  const std::size_t equals = condition.find('=');
  if (equals == std::string_view::npos) return Has(condition);
  return std::ranges::any_of(words_, [&](const Word& word) {
    return word.name == condition.substr(0, equals) && word.value == condition.substr(equals + 1);
  });
}

}  // namespace inro::unit
