#include "guest/init/path_glob.h"

#include <fnmatch.h>

namespace inro::guest {
namespace {

constexpr int kMaxDepth = 32;

struct Search {
  const sys::FileSource& files;
  std::size_t most;
  std::vector<std::string> found;

  void Run(const std::string& base, std::string_view pattern, int depth) {
    while (pattern.starts_with('/')) pattern.remove_prefix(1);
    if (found.size() >= most || depth > kMaxDepth) return;
    if (pattern.empty()) {
      const std::string path = base.empty() ? "/" : base;
      if (files.TypeOf(path) != sys::FileSource::Type::kAbsent) found.push_back(path);
      return;
    }
    const std::size_t slash = pattern.find('/');
    const std::string part(pattern.substr(0, slash));
    const std::string_view rest =
        slash == std::string_view::npos ? std::string_view() : pattern.substr(slash);
    if (part.find_first_of("*?[") == std::string::npos) {
      return Run(base + "/" + part, rest, depth + 1);
    }
    for (const std::string& name : files.List(base.empty() ? "/" : base)) {
      if (::fnmatch(part.c_str(), name.c_str(), FNM_PERIOD) != 0) continue;
      Run(base + "/" + name, rest, depth + 1);
    }
  }
};

}  // namespace

std::vector<std::string> MatchPaths(const sys::FileSource& files, std::string_view pattern,
                                    std::size_t most) {
  Search search{files, most, {}};
  search.Run("", pattern, 0);
  return std::move(search.found);
}

}  // namespace inro::guest
