// Any bytes as a layer of an OCI image, over a small tree: an error or a tree, never a crash.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "image/source/oci_layer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace inro::image;
  Tree tree;
  static_cast<void>(tree.Put("usr/lib/so", MakeFile("so")));
  static_cast<void>(tree.Put("lib", MakeSymlink("usr/lib")));
  static_cast<void>(tree.Put("loop", MakeSymlink("loop")));
  OciBudget budget{.bytes = std::uint64_t{8} << 20, .entries = 10'000};
  static_cast<void>(
      ApplyOciLayer(tree, {reinterpret_cast<const char*>(data), size}, "fuzz", budget));
  if (tree.Find("")->type != NodeType::kDirectory) std::abort();
  return 0;
}
