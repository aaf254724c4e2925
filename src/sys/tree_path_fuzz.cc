// Paths that a guest gives: what is taken for plain stays below its root.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "sys/tree_path.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace inro::sys;
  const std::string_view path(reinterpret_cast<const char*>(data), size);
  if (!CheckTreePath(path) || path.empty()) return 0;
  if (path.front() == '/' || path.back() == '/') std::abort();
  std::string_view rest = path;
  while (true) {
    const auto [parent, name] = SplitTreePath(rest);
    if (name.empty() || name == "." || name == "..") std::abort();
    if (parent.empty()) return 0;
    rest = parent;
  }
}
