#include "guest/init/condition_match.h"

#include <fnmatch.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

#include "unit/environment_file.h"
#include "unit/text.h"
#include "unit/value.h"

namespace inro::guest {
namespace {

bool IsLetter(char c) { return unit::IsAlnum(c) && !unit::IsDigit(c); }

template <class F>
std::string_view TakeWhile(std::string_view& text, F is_part) {
  std::size_t size = 0;
  while (size < text.size() && is_part(text[size])) ++size;
  const std::string_view part = text.substr(0, size);
  text.remove_prefix(size);
  return part;
}

int CompareNumbers(std::string_view a, std::string_view b) {
  TakeWhile(a, [](char c) { return c == '0'; });
  TakeWhile(b, [](char c) { return c == '0'; });
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return a.compare(b);
}

}  // namespace

Comparison TakeComparison(std::string_view& text) {
  constexpr std::pair<std::string_view, Comparison> kOperators[] = {
      {"<=", Comparison::kLessEqual}, {">=", Comparison::kGreaterEqual},
      {"!=", Comparison::kNotEqual},  {"<>", Comparison::kNotEqual},
      {"==", Comparison::kEqual},     {"=", Comparison::kEqual},
      {"<", Comparison::kLess},       {">", Comparison::kGreater}};
  for (const auto& [word, comparison] : kOperators) {
    if (!text.starts_with(word)) continue;
    text.remove_prefix(word.size());
    text = unit::Trim(text);
    return comparison;
  }
  return Comparison::kNone;
}

int CompareVersions(std::string_view a, std::string_view b) {
  const auto ignored = [](char c) {
    return !unit::IsAlnum(c) && c != '~' && c != '-' && c != '^' && c != '.';
  };
  while (true) {
    TakeWhile(a, ignored);
    TakeWhile(b, ignored);
    // In this order: "~" is before the end, the end before "-", that before "^", that before ".".
    for (const char mark : {'~', '\0', '-', '^', '.'}) {
      const auto at = [&](std::string_view text) {
        return mark == '\0' ? text.empty() : text.starts_with(mark);
      };
      if (at(a) != at(b)) return at(a) ? -1 : 1;
      if (!at(a)) continue;
      if (mark == '\0') return 0;
      a.remove_prefix(1);
      b.remove_prefix(1);
      break;
    }
    const bool a_digit = !a.empty() && unit::IsDigit(a.front());
    const bool b_digit = !b.empty() && unit::IsDigit(b.front());
    if (a_digit || b_digit) {
      const int order = CompareNumbers(TakeWhile(a, unit::IsDigit), TakeWhile(b, unit::IsDigit));
      if (order != 0) return order;
    } else {
      const int order = TakeWhile(a, IsLetter).compare(TakeWhile(b, IsLetter));
      if (order != 0) return order;
    }
  }
}

bool Fits(int order, Comparison comparison) {
  switch (comparison) {
    case Comparison::kLess:
      return order < 0;
    case Comparison::kLessEqual:
      return order <= 0;
    case Comparison::kNotEqual:
      return order != 0;
    case Comparison::kGreaterEqual:
      return order >= 0;
    case Comparison::kGreater:
      return order > 0;
    default:
      return order == 0;
  }
}

bool MatchesKernelVersion(std::string_view release, std::string_view value) {
  // An operator may stand apart from its version.
  Comparison pending = Comparison::kNone;
  bool any = false;
  for (std::string_view word : unit::SplitWords(value)) {
    Comparison comparison = pending == Comparison::kNone ? TakeComparison(word) : pending;
    pending = Comparison::kNone;
    if (word.empty()) {
      pending = comparison;
      continue;
    }
    any = true;
    if (comparison == Comparison::kNone) {
      if (::fnmatch(std::string(word).c_str(), std::string(release).c_str(), 0) != 0) return false;
    } else if (!Fits(CompareVersions(release, word), comparison)) {
      return false;
    }
  }
  return any && pending == Comparison::kNone;
}

bool MatchesAmount(std::uint64_t amount, std::string_view value) {
  std::string_view text = unit::Trim(value);
  Comparison comparison = TakeComparison(text);
  if (comparison == Comparison::kNone) comparison = Comparison::kGreaterEqual;
  const auto wanted = unit::ParseSize(text);
  if (!wanted) return false;
  return Fits(amount < *wanted ? -1 : amount > *wanted ? 1 : 0, comparison);
}

bool MatchesOsRelease(std::string_view os_release, std::string_view value) {
  const unit::Environment fields = unit::ParseEnvironmentFile(os_release);
  const auto words = unit::SplitQuoted(value);
  if (!words || words->empty()) return false;
  for (std::string_view word : *words) {
    const std::size_t end = word.find_first_of("<>=!");
    if (end == std::string_view::npos || end == 0) return false;
    const std::string_view actual = unit::GetVariable(fields, word.substr(0, end));
    word.remove_prefix(end);
    const Comparison comparison = TakeComparison(word);
    const bool text = comparison == Comparison::kEqual || comparison == Comparison::kNotEqual;
    if (!Fits(text ? actual.compare(word) : CompareVersions(actual, word), comparison)) {
      return false;
    }
  }
  return true;
}

bool MatchesPressure(std::string_view pressure, std::string_view value) {
  const std::size_t colon = value.find(':');
  if (colon != std::string_view::npos) value.remove_prefix(colon + 1);
  const std::size_t slash = value.find('/');
  std::string_view key = "avg300=";
  if (slash != std::string_view::npos) {
    const std::string_view interval = unit::Trim(value.substr(slash + 1));
    const auto span = unit::ParseTimeSpan(interval);
    if (!span) return false;
    using std::chrono::seconds;
    key = *span <= seconds(10) ? "avg10=" : *span <= seconds(60) ? "avg60=" : "avg300=";
    value = value.substr(0, slash);
  }
  const auto wanted = unit::ParsePermyriad(unit::Trim(value));
  if (!wanted) return false;
  const std::size_t at = pressure.find(key);
  if (!pressure.starts_with("some") || at == std::string_view::npos) return false;
  std::string_view share = pressure.substr(at + key.size());
  share = share.substr(0, share.find_first_of(" \n"));
  const auto actual = unit::ParsePermyriad(std::string(share) + "%");
  return actual && *actual <= *wanted;
}

}  // namespace inro::guest
