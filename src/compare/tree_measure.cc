#include "compare/tree_measure.h"

#include "image/elf/elf.h"

namespace inro::compare {
namespace {

constexpr std::uint32_t kExecuteBits = 0111;
constexpr std::uint32_t kSetIdBits = 06000;
constexpr std::uint16_t kElfExec = 2;  // ET_EXEC
constexpr std::uint16_t kElfDyn = 3;   // ET_DYN: a library, or a position-independent program

// A program can be started: it is executable and either static or names its interpreter. The C
// library is a library that names one too; it has a SONAME.
bool IsProgram(const image::Node& node) {
  if ((node.mode & kExecuteBits) == 0 || !image::IsElf(node.content.view())) return false;
  const auto facts = image::ReadElf(node.content.view());
  if (!facts) return false;
  if (facts->type == kElfExec) return true;
  return facts->type == kElfDyn && facts->soname.empty() &&
         (!facts->interpreter.empty() || facts->needed.empty());
}

}  // namespace

TreeCounts CountTree(const image::Tree& tree) {
  TreeCounts counts;
  for (const auto& [path, node] : tree.nodes()) {
    if (node.type != image::NodeType::kFile) continue;
    ++counts.files;
    counts.unpacked_bytes += node.content.size();
    if ((node.mode & kSetIdBits) != 0) ++counts.setuid_files;
    if (IsProgram(node)) ++counts.elf_programs;
  }
  return counts;
}

}  // namespace inro::compare
