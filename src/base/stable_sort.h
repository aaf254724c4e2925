// A sort that keeps the order of equals, for short lists. The library's own calls, in libstdc++ 12,
// what C++23 deprecates, and clang says so at every use.
#pragma once

#include <algorithm>
#include <functional>
#include <iterator>

namespace inro {

// Binary insertion: few comparisons, and moves that grow with the square of the length.
template <class Range, class Less = std::ranges::less, class Projection = std::identity>
void StableSort(Range& range, Less less = {}, Projection projection = {}) {
  const auto begin = std::ranges::begin(range);
  const auto end = std::ranges::end(range);
  for (auto at = begin; at != end; ++at) {
    const auto place =
        std::ranges::upper_bound(begin, at, std::invoke(projection, *at), less, projection);
    std::rotate(place, at, std::next(at));
  }
}

}  // namespace inro
