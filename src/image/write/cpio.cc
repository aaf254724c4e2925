#include "image/write/cpio.h"

#include <algorithm>

#include "image/write/file_mode.h"
#include "image/write/little_endian.h"

namespace inro::image {
namespace {

constexpr std::string_view kTrailer = "TRAILER!!!";
constexpr std::size_t kHeaderSize = 110;
constexpr std::size_t kMaxName = 4096;  // the kernel skips entries with longer names
constexpr std::size_t kBlock = 512;

void PadTo(std::string& bytes, std::size_t unit) { bytes.resize(RoundUp(bytes.size(), unit)); }

void AppendHeader(std::string& out, std::initializer_list<std::uint32_t> fields) {
  out += "070701";
  for (const std::uint32_t field : fields) fmt::format_to(std::back_inserter(out), "{:08x}", field);
}

}  // namespace

void CpioWriter::Entry(std::string_view name, std::size_t name_size, const Node& node,
                       std::string_view content) {
  const bool directory = node.type == NodeType::kDirectory;
  AppendHeader(bytes_, {++inode_, StatMode(node), node.uid, node.gid, directory ? 2u : 1u, epoch_,
                        static_cast<std::uint32_t>(content.size()), 0, 0, node.major, node.minor,
                        static_cast<std::uint32_t>(name_size), 0});
  bytes_ += name;
  bytes_.resize(bytes_.size() + name_size - name.size());
  PadTo(bytes_, 4);
  bytes_ += content;
  PadTo(bytes_, 4);
}

Result<> CpioWriter::Add(std::string_view path, const Node& node) {
  const std::string_view name = path.empty() ? "." : path;
  if (node.content.size() > UINT32_MAX) return Fail("write {} to a cpio: 4 GiB or larger", path);
  if (name.size() >= kMaxName) return Fail("write {} to a cpio: the name is too long", path);
  if (path.empty()) root_ = node;
  Entry(name, name.size() + 1, node,
        node.type == NodeType::kSymlink ? std::string_view(node.target) : node.content.view());
  return {};
}

Result<> CpioWriter::AddAligned(std::string_view path, std::string_view content, std::uint32_t mode,
                                std::uint32_t alignment) {
  if (content.size() > UINT32_MAX) return Fail("write {} to a cpio: 4 GiB or larger", path);
  const auto padded_name = [&] {
    const std::size_t data = RoundUp(bytes_.size() + kHeaderSize + path.size() + 1, 4);
    return path.size() + 1 + (RoundUp(data, alignment) - data);
  };
  // The root's entry once more, when the padded name would be too long for the kernel: it moves
  // what follows by 112 bytes and changes nothing.
  if (padded_name() > kMaxName) INRO_TRY(Add("", Node(root_)));
  Entry(path, padded_name(), MakeFile("", mode), content);
  return {};
}

std::string CpioWriter::Finish() {
  AppendHeader(bytes_, {0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0,
                        static_cast<std::uint32_t>(kTrailer.size() + 1), 0});
  bytes_ += kTrailer;
  bytes_ += '\0';
  PadTo(bytes_, kBlock);
  inode_ = 0;
  return std::exchange(bytes_, {});
}

Result<std::string> WriteCpio(const Tree& tree, std::uint32_t epoch) {
  CpioWriter writer(epoch);
  for (const auto& [path, node] : tree.nodes()) INRO_TRY(writer.Add(path, node));
  return writer.Finish();
}

std::vector<std::string> LostInCpio(const Tree& tree) {
  std::vector<std::string> paths;
  for (const auto& [path, node] : tree.nodes()) {
    if (!node.xattrs.empty()) paths.push_back(path);
  }
  return paths;
}

}  // namespace inro::image
