// Splitting of the line-based files that finishing rules read.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace inro::image {

// Lines without their end; a last line without one counts.
std::vector<std::string_view> SplitLines(std::string_view text);
// Between every separator; empty fields are kept.
std::vector<std::string_view> SplitFields(std::string_view line, char separator);
// Words between blanks; "double" or 'single' quotes keep blanks together and are removed.
std::vector<std::string> SplitWords(std::string_view line);
// Without leading and trailing blanks.
std::string_view TrimBlanks(std::string_view text);
// True when `path` matches: "?" and "*" stay within a component, "**" crosses components. A pattern
// matches whole paths only. Bounded work: at most the product of both lengths.
bool MatchesGlob(std::string_view pattern, std::string_view path);

}  // namespace inro::image
