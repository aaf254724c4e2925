#include "image/finish/shell_truth.h"

#include <algorithm>
#include <span>

namespace inro::image {
namespace {

using Words = std::span<const std::string>;

Truth FromBool(bool value) { return value ? Truth::kTrue : Truth::kFalse; }

// A condition without -a and -o.
Truth EvaluatePrimary(Words words) {
  if (words.empty()) return Truth::kFalse;
  if (words[0] == "!" && words.size() > 1) return Not(EvaluatePrimary(words.subspan(1)));
  if (words.size() == 1) return IsKnown(words[0]) ? FromBool(!words[0].empty()) : Truth::kUnknown;
  if (words.size() == 2) {
    if (words[0] == "-n" || words[0] == "-z") {
      if (!IsKnown(words[1])) return Truth::kUnknown;
      return FromBool(words[1].empty() == (words[0] == "-z"));
    }
    if (words[1].starts_with("/run/") || words[1].starts_with("/var/run/")) return Truth::kFalse;
    return Truth::kUnknown;
  }
  if (words.size() == 3 && (words[1] == "=" || words[1] == "==" || words[1] == "!=")) {
    if (!IsKnown(words[0]) || !IsKnown(words[2])) return Truth::kUnknown;
    return FromBool((words[0] == words[2]) == (words[1] != "!="));
  }
  return Truth::kUnknown;
}

Truth EvaluateTest(Words words) {
  for (const std::string_view separator : {"-o", "-a"}) {
    // "-a" in the first place would be a file test; the rest are operators.
    const auto at = std::find(words.begin() + (words.empty() ? 0 : 1), words.end(), separator);
    if (at == words.end()) continue;
    const auto index = static_cast<std::size_t>(at - words.begin());
    const Truth left = EvaluateTest(words.first(index));
    const Truth right = EvaluateTest(words.subspan(index + 1));
    return separator == "-o" ? Or(left, right) : And(left, right);
  }
  return EvaluatePrimary(words);
}

// dpkg(1): an empty version is earlier than any other, except for the "-nl" operators.
Truth CompareVersions(Words words) {
  if (words.size() < 3) return Truth::kUnknown;
  // `$2` without quotes vanishes when it is empty, and dpkg then fails.
  if (!words[0].empty()) return Truth::kUnknown;
  const std::string& op = words[1];
  if (op == "lt" || op == "le" || op == "ne" || op == "gt-nl" || op == "ge-nl") return Truth::kTrue;
  if (op == "gt" || op == "ge" || op == "eq" || op == "lt-nl" || op == "le-nl")
    return Truth::kFalse;
  return Truth::kUnknown;
}

}  // namespace

Truth Not(Truth value) {
  if (value == Truth::kUnknown) return value;
  return value == Truth::kTrue ? Truth::kFalse : Truth::kTrue;
}

Truth And(Truth a, Truth b) {
  if (a == Truth::kFalse || b == Truth::kFalse) return Truth::kFalse;
  return a == Truth::kTrue && b == Truth::kTrue ? Truth::kTrue : Truth::kUnknown;
}

Truth Or(Truth a, Truth b) { return Not(And(Not(a), Not(b))); }

bool IsKnown(std::string_view text) { return text.find_first_of("$`") == std::string_view::npos; }

Truth EvaluateCommand(const std::vector<std::string>& words) {
  if (words.empty()) return Truth::kUnknown;
  const Words all(words);
  if (words[0] == "[" && words.back() == "]") return EvaluateTest(all.subspan(1, words.size() - 2));
  if (words[0] == "test") return EvaluateTest(all.subspan(1));
  if (words[0] == "true" || words[0] == ":") return Truth::kTrue;
  if (words[0] == "false") return Truth::kFalse;
  if (words[0] == "dpkg" && words.size() > 2 && words[1] == "--compare-versions") {
    return CompareVersions(all.subspan(2));
  }
  // Nothing of the package has been enabled before; nor has the administrator disabled it.
  if (words[0] == "deb-systemd-helper") {
    if (std::ranges::find(words, "debian-installed") != words.end()) return Truth::kFalse;
    if (std::ranges::find(words, "was-enabled") != words.end()) return Truth::kTrue;
  }
  return Truth::kUnknown;
}

}  // namespace inro::image
