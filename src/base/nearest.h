// "Did you mean": the known name that is nearest to a mistyped one.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace inro {

// Optimal string alignment distance: inserted, deleted, replaced characters and swapped neighbours.
std::size_t EditDistance(std::string_view a, std::string_view b);

// The candidate with the smallest edit distance, when that is at most a third of the word's length
// (at least 1); else empty. The first wins a tie.
std::string Nearest(std::string_view word, std::span<const std::string> candidates);

}  // namespace inro
