// "Did you mean": names close to one that does not exist.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace inro::image {

// At most `limit` of `names`, nearest to `wrong` first: by edit distance, where names too far off
// (over a third of the length) count only when one contains the other.
std::vector<std::string> CloseMatches(std::string_view wrong, const std::vector<std::string>& names,
                                      std::size_t limit = 3);

// "; did you mean a, b or c?", or "" when nothing is close.
std::string DidYouMean(std::string_view wrong, const std::vector<std::string>& names);

}  // namespace inro::image
