// "Did you mean": the known name that is nearest to a mistyped one.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace inro {

// The candidate with the smallest edit distance (insert, delete, replace, swap of neighbours), when
// that is at most a third of the word's length (at least 1); else empty. The first wins a tie.
std::string Nearest(std::string_view word, std::span<const std::string> candidates);

}  // namespace inro
