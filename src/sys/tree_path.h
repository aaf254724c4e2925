// Paths below a root that come from somebody else.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"

namespace inro::sys {

// An error unless `path` is relative and plain: no empty name, no "." or "..", no NUL. The empty
// path (the root itself) is fine.
Result<> CheckTreePath(std::string_view path);

// "a/b/c" to {"a/b", "c"}.
std::pair<std::string_view, std::string_view> SplitTreePath(std::string_view path);

// The folder `path` below `root` (-1 never), opened step by step: symbolic links on the way are an
// error, so nothing leads out of the root. `path` is plain; empty gives the root itself.
Result<UniqueFd> OpenFolderBelow(int root, std::string_view path);

}  // namespace inro::sys
