// The kernel command line as words (Documentation/admin-guide/kernel-parameters): separated by
// white space, double quotes protect it, "name=value" or a bare "name".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace inro::unit {

class KernelCommandLine {
 public:
  struct Word {
    std::string name;
    std::optional<std::string> value;  // absent for a bare word
  };

  // Reads at most 64 KiB; never fails. Words after "--" belong to init and are left out.
  static KernelCommandLine Parse(std::string_view text);

  const std::vector<Word>& words() const { return words_; }
  bool Has(std::string_view name) const;
  // The value of the last word of that name that has one.
  std::optional<std::string_view> Last(std::string_view name) const;
  // All values of that name, in order.
  std::vector<std::string_view> All(std::string_view name) const;
  // A bare word is true; else 1/yes/true/on and 0/no/false/off; `fallback` when absent or neither.
  bool Flag(std::string_view name, bool fallback) const;
  // ConditionKernelCommandLine=: "name" matches the word bare or with any value, "name=value" the
  // exact word.
  bool Matches(std::string_view condition) const;

 private:
  std::vector<Word> words_;
};

}  // namespace inro::unit
