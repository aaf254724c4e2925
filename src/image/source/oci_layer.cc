#include "image/source/oci_layer.h"

#include <string>
#include <vector>

#include "image/source/archive_entries.h"

namespace inro::image {
namespace {

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kReserved = ".wh..wh.";  // of AUFS: whiteouts of no name, and folders
constexpr std::string_view kOpaque = ".wh..wh..opq";
constexpr std::string_view kOrigin = "oci";

template <class... Args>
std::unexpected<Error> Wrong(std::string_view name, fmt::format_string<Args...> format,
                             Args&&... args) {
  return FailAs(ErrorKind::kBadInput, "{}: {}", name,
                fmt::format(format, std::forward<Args>(args)...));
}

std::string_view FolderOf(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string_view NameOf(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// What a layer hides of the layers below it, and what it has.
struct Layer {
  std::vector<std::string> hidden;  // paths
  std::vector<std::string> opaque;  // folders whose children are hidden
  std::vector<ArchiveEntry> entries;
};

Result<> Sort(ArchiveEntry entry, std::string_view name, Layer& layer) {
  const std::string_view base = NameOf(entry.path);
  const bool reserved =
      entry.path.starts_with(kReserved) || entry.path.contains(fmt::format("/{}", kReserved));
  if (reserved && base != kOpaque) return {};
  if (!base.starts_with(kWhiteout)) {
    layer.entries.push_back(std::move(entry));
    return {};
  }
  const std::string folder(FolderOf(entry.path));
  if (base == kOpaque) {
    layer.opaque.push_back(folder);
    return {};
  }
  const std::string_view hidden = base.substr(kWhiteout.size());
  if (hidden.empty() || hidden == "." || hidden == "..") {
    return Wrong(name, "{} is a whiteout of no name", entry.path);
  }
  layer.hidden.push_back(folder.empty() ? std::string(hidden)
                                        : fmt::format("{}/{}", folder, hidden));
  return {};
}

Result<Layer> ReadLayer(std::string_view bytes, std::string_view name, OciBudget& budget) {
  Layer layer;
  const auto take = [&](ArchiveEntry entry) -> Result<> {
    if (budget.entries == 0) return Wrong(name, "the layers have too many entries");
    --budget.entries;
    budget.bytes -= entry.node.content.size();  // the reader keeps it within the limit
    return Sort(std::move(entry), name, layer);
  };
  auto read = ReadTarBytes(bytes, name, budget.bytes, take);
  if (!read) return FailAs(ErrorKind::kBadInput, "{}", read.error().ToString());
  return layer;
}

Result<> Hide(const Layer& layer, Tree& tree) {
  for (const std::string& folder : layer.opaque) {
    const auto at = tree.Resolve(folder);
    if (!at) continue;
    std::vector<std::string> names;
    for (const auto& [name, node] : tree.Children(*at)) names.push_back(name);
    for (const std::string& name : names) {
      tree.Remove(at->empty() ? name : fmt::format("{}/{}", *at, name));
    }
  }
  for (const std::string& path : layer.hidden) tree.Remove(tree.ResolveParents(path));
  return {};
}

Result<> PutOver(Tree& tree, ArchiveEntry entry, std::string_view name) {
  const std::string path = tree.ResolveParents(entry.path);
  if (!entry.hard_link.empty()) {
    const Node* first = tree.Find(tree.ResolveParents(entry.hard_link));
    if (first == nullptr || first->type == NodeType::kDirectory) {
      return Wrong(name, "{} is a hard link to {}, which is not there", entry.path,
                   entry.hard_link);
    }
    entry.node = *first;
  }
  entry.node.origin = kOrigin;
  const Node* present = tree.Find(path);
  if (present != nullptr &&
      (present->type == NodeType::kDirectory) != (entry.node.type == NodeType::kDirectory)) {
    tree.Remove(path);
  }
  auto put = tree.Put(path, std::move(entry.node));
  if (!put) return Wrong(name, "{}", put.error().ToString());
  return {};
}

}  // namespace

Result<> ApplyOciLayer(Tree& tree, std::string_view bytes, std::string_view name,
                       OciBudget& budget) {
  INRO_ASSIGN(Layer layer, ReadLayer(bytes, name, budget));
  INRO_TRY(Hide(layer, tree));
  for (ArchiveEntry& entry : layer.entries) INRO_TRY(PutOver(tree, std::move(entry), name));
  return {};
}

}  // namespace inro::image
