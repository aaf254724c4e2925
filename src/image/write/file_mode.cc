#include "image/write/file_mode.h"

#include <sys/stat.h>

namespace inro::image {
namespace {

struct Row {
  NodeType type;
  std::uint32_t bits;
};

constexpr Row kTypes[] = {
    {NodeType::kFile, S_IFREG},        {NodeType::kDirectory, S_IFDIR},
    {NodeType::kSymlink, S_IFLNK},     {NodeType::kCharDevice, S_IFCHR},
    {NodeType::kBlockDevice, S_IFBLK}, {NodeType::kFifo, S_IFIFO},
};

}  // namespace

std::uint32_t StatMode(const Node& node) {
  for (const Row& row : kTypes) {
    if (row.type == node.type) return row.bits | (node.mode & 07777);
  }
  return node.mode & 07777;
}

std::optional<NodeType> TypeOfMode(std::uint32_t mode) {
  for (const Row& row : kTypes) {
    if (row.bits == (mode & S_IFMT)) return row.type;
  }
  return std::nullopt;
}

}  // namespace inro::image
