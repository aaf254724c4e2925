// Paths that match a pattern of glob(7). Not glob(3): that one looks users up, which a static
// program must not.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "sys/file_source.h"

namespace inro::guest {

// The existing paths that match ("*", "?", "[...]" in each part), sorted; at most `most`.
std::vector<std::string> MatchPaths(const sys::FileSource& files, std::string_view pattern,
                                    std::size_t most);

}  // namespace inro::guest
