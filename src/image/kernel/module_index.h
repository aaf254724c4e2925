// The index files of lib/modules/RELEASE that depmod(8) writes and kmod's library reads.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "image/kernel/module_info.h"

namespace inro::image {

// A module of the index; `path` is relative to lib/modules/RELEASE.
struct IndexedModule {
  std::string name;
  std::string path;
  ModuleInfo info;
  // All modules it needs, each behind those that need it: kmod loads from the last to the first.
  // LinkDependencies() fills it in.
  std::vector<std::string> dependency_paths;
};

// Names and texts of the files for these modules (in order; earlier ones win for equal aliases):
// modules.dep, .alias, .softdep, .symbols, .devname, .builtin and their binary forms.
// `builtin_names` and `builtin_aliases` (alias, module) are the kernel's own.
std::map<std::string, std::string> ModuleIndexFiles(
    const std::vector<IndexedModule>& modules, const std::vector<std::string>& builtin_names,
    const std::vector<std::pair<std::string, std::string>>& builtin_aliases);

// kmod's binary index (a trie with big-endian offsets, version 2.1). Values of one key are kept by
// rising priority. Keys with bytes outside of ASCII are left out, as nothing can ask for them.
class BinaryIndex {
 public:
  BinaryIndex();
  void Insert(std::string_view key, std::string_view value, unsigned priority);
  std::string Encode() const;

 private:
  struct Node {
    std::string prefix;
    std::map<unsigned char, std::size_t> children;
    std::vector<std::pair<unsigned, std::string>> values;
  };
  std::uint32_t EncodeNode(std::size_t index, std::string& bytes) const;
  std::vector<Node> nodes_;
};

// The values of a key in a binary index; for tests and checks. Damaged bytes give nothing.
std::vector<std::string> LookUpBinaryIndex(std::string_view bytes, std::string_view key);

}  // namespace inro::image
