#include "tree_tar.h"

#include <archive.h>
#include <archive_entry.h>

#include <memory>

namespace inro::boot_test {
namespace {

using Writer = std::unique_ptr<archive, decltype(&archive_write_free)>;
using Entry = std::unique_ptr<archive_entry, decltype(&archive_entry_free)>;

unsigned FileType(image::NodeType type) {
  switch (type) {
    case image::NodeType::kFile:
      return AE_IFREG;
    case image::NodeType::kDirectory:
      return AE_IFDIR;
    case image::NodeType::kSymlink:
      return AE_IFLNK;
    case image::NodeType::kCharDevice:
      return AE_IFCHR;
    case image::NodeType::kBlockDevice:
      return AE_IFBLK;
    case image::NodeType::kFifo:
      return AE_IFIFO;
  }
  return AE_IFREG;
}

void Fill(archive_entry* entry, const std::string& path, const image::Node& node) {
  archive_entry_set_pathname(entry, path.c_str());
  archive_entry_set_filetype(entry, FileType(node.type));
  archive_entry_set_perm(entry, node.mode);
  archive_entry_set_uid(entry, node.uid);
  archive_entry_set_gid(entry, node.gid);
  archive_entry_set_size(entry, static_cast<la_int64_t>(node.content.size()));
  archive_entry_set_rdevmajor(entry, node.major);
  archive_entry_set_rdevminor(entry, node.minor);
  if (node.type == image::NodeType::kSymlink) {
    archive_entry_set_symlink(entry, node.target.c_str());
  }
  for (const auto& [name, value] : node.xattrs) {
    archive_entry_xattr_add_entry(entry, name.c_str(), value.data(), value.size());
  }
}

}  // namespace

Result<> WriteTar(const image::Tree& tree, const std::string& path,
                  const std::function<bool(std::string_view)>& keep) {
  const Writer writer(archive_write_new(), &archive_write_free);
  archive_write_set_format_pax_restricted(writer.get());
  if (archive_write_open_filename(writer.get(), path.c_str()) != ARCHIVE_OK) {
    return Fail("{}: {}", path, archive_error_string(writer.get()));
  }
  const Entry entry(archive_entry_new(), &archive_entry_free);
  for (const auto& [name, node] : tree.nodes()) {
    if (name.empty() || !keep(name)) continue;
    archive_entry_clear(entry.get());
    Fill(entry.get(), name, node);
    const std::string_view bytes = node.content.view();
    if (archive_write_header(writer.get(), entry.get()) != ARCHIVE_OK ||
        archive_write_data(writer.get(), bytes.data(), bytes.size()) < 0) {
      return Fail("{}: {}: {}", path, name, archive_error_string(writer.get()));
    }
  }
  if (archive_write_close(writer.get()) != ARCHIVE_OK) {
    return Fail("{}: {}", path, archive_error_string(writer.get()));
  }
  return {};
}

}  // namespace inro::boot_test
