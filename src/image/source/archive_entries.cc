#include "image/source/archive_entries.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/sysmacros.h>
#include <zstd.h>

#include <algorithm>
#include <memory>

namespace inro::image {
namespace {

struct FreeArchive {
  void operator()(struct archive* archive) const { archive_read_free(archive); }
};
using ArchivePtr = std::unique_ptr<struct archive, FreeArchive>;

constexpr std::size_t kBlock = std::size_t{1} << 16;
constexpr std::uint64_t kReserve = std::uint64_t{64} << 20;  // a header may claim any size

std::string Reason(struct archive* archive) {
  const char* text = archive_error_string(archive);
  return text == nullptr ? "malformed archive" : text;
}

// A path of an entry; libarchive gives none in the locale's encoding when it cannot convert.
const char* First(const char* in_locale, const char* in_utf8) {
  return in_locale != nullptr ? in_locale : in_utf8;
}

Result<std::string> ReadData(struct archive* archive, std::uint64_t claimed, std::uint64_t limit,
                             std::string_view name) {
  std::string bytes;
  // One byte more than claimed, so that the end is seen without growing.
  std::size_t room = static_cast<std::size_t>(std::min({claimed, limit, kReserve})) + 1;
  std::size_t used = 0;
  while (true) {
    bytes.resize(room);
    const la_ssize_t got = archive_read_data(archive, bytes.data() + used, room - used);
    if (got < 0) return Fail("{}: {}", name, Reason(archive));
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
    if (used > limit) return Fail("{}: more than {} bytes when unpacked", name, limit);
    if (used == room) room = room * 2;
  }
  bytes.resize(used);
  return bytes;
}

NodeType TypeOf(unsigned file_type) {
  switch (file_type) {
    case AE_IFDIR:
      return NodeType::kDirectory;
    case AE_IFLNK:
      return NodeType::kSymlink;
    case AE_IFCHR:
      return NodeType::kCharDevice;
    case AE_IFBLK:
      return NodeType::kBlockDevice;
    case AE_IFIFO:
      return NodeType::kFifo;
    default:
      return NodeType::kFile;
  }
}

Result<ArchiveEntry> MakeEntry(struct archive_entry* header, std::string_view name) {
  const char* path = First(archive_entry_pathname(header), archive_entry_pathname_utf8(header));
  if (path == nullptr) return Fail("{}: an entry without a usable path", name);
  ArchiveEntry entry;
  if (auto clean = CleanPath(path)) {
    entry.path = std::move(*clean);
  } else {
    return Fail("{}: refused path {}", name, path);
  }
  const char* link = First(archive_entry_hardlink(header), archive_entry_hardlink_utf8(header));
  if (link != nullptr) {
    auto clean = CleanPath(link);
    if (!clean || clean->empty()) return Fail("{}: refused hard link to {}", name, link);
    entry.hard_link = std::move(*clean);
  }
  Node& node = entry.node;
  node.type = TypeOf(archive_entry_filetype(header));
  node.mode = archive_entry_perm(header) & 07777;
  node.uid = static_cast<std::uint32_t>(archive_entry_uid(header));
  node.gid = static_cast<std::uint32_t>(archive_entry_gid(header));
  if (node.type == NodeType::kSymlink) {
    const char* target = First(archive_entry_symlink(header), archive_entry_symlink_utf8(header));
    if (target == nullptr || *target == '\0') return Fail("{}: link {} to nothing", name, path);
    node.target = target;
    node.mode = 0777;
  } else if (node.type == NodeType::kCharDevice || node.type == NodeType::kBlockDevice) {
    node.major = static_cast<std::uint32_t>(archive_entry_rdevmajor(header));
    node.minor = static_cast<std::uint32_t>(archive_entry_rdevminor(header));
  }
  archive_entry_xattr_reset(header);
  const char* xattr = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  while (archive_entry_xattr_next(header, &xattr, &value, &size) == ARCHIVE_OK) {
    if (xattr == nullptr) continue;
    node.xattrs[xattr] = size == 0 ? "" : std::string(static_cast<const char*>(value), size);
  }
  return entry;
}

Result<ArchivePtr> NewReader() {
  ArchivePtr archive(archive_read_new());
  if (!archive) return Fail("out of memory");
  archive_read_support_filter_all(archive.get());
  archive_read_support_format_tar(archive.get());
  return archive;
}

Result<> ReadEntries(struct archive* archive, std::string_view name, std::uint64_t limit,
                     const EntrySink& sink, const std::function<void(std::uint64_t)>& progress) {
  while (true) {
    struct archive_entry* header = nullptr;
    const int status = archive_read_next_header(archive, &header);
    if (status == ARCHIVE_EOF) return {};
    // ARCHIVE_WARN: only that a name is not in the locale's encoding.
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
      return Fail("{}: {}", name, Reason(archive));
    if (archive_entry_filetype(header) == AE_IFSOCK) continue;
    INRO_ASSIGN(ArchiveEntry entry, MakeEntry(header, name));
    if (entry.node.type == NodeType::kFile) {
      const auto claimed = static_cast<std::uint64_t>(std::max<la_int64_t>(
          0, archive_entry_size_is_set(header) != 0 ? archive_entry_size(header) : 0));
      INRO_ASSIGN(std::string bytes, ReadData(archive, claimed, limit, name));
      limit -= bytes.size();
      // A link that carries data is a file in its own right.
      if (!bytes.empty()) entry.hard_link.clear();
      entry.node.content = Content(std::move(bytes));
    }
    if (progress) progress(static_cast<std::uint64_t>(archive_filter_bytes(archive, -1)));
    INRO_TRY(sink(std::move(entry)));
  }
}

}  // namespace

Result<> ReadTarBytes(std::string_view bytes, std::string_view name, std::uint64_t limit,
                      const EntrySink& sink) {
  INRO_ASSIGN(const ArchivePtr archive, NewReader());
  if (archive_read_open_memory(archive.get(), bytes.data(), bytes.size()) != ARCHIVE_OK) {
    return Fail("{}: {}", name, Reason(archive.get()));
  }
  return ReadEntries(archive.get(), name, limit, sink, nullptr);
}

Result<> ReadTarFile(int fd, std::string_view name, const EntrySink& sink,
                     const std::function<void(std::uint64_t)>& progress, std::uint64_t limit) {
  INRO_ASSIGN(const ArchivePtr archive, NewReader());
  if (archive_read_open_fd(archive.get(), fd, kBlock) != ARCHIVE_OK) {
    return Fail("{}: {}", name, Reason(archive.get()));
  }
  return ReadEntries(archive.get(), name, limit, sink, progress);
}

Result<std::string> Decompress(std::string_view bytes, std::string_view name, std::uint64_t limit) {
  // A zstd frame that tells its size is unpacked in one call, several times faster.
  const unsigned long long size = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (size != ZSTD_CONTENTSIZE_ERROR && size != ZSTD_CONTENTSIZE_UNKNOWN) {
    if (size > limit) return Fail("{}: more than {} bytes when unpacked", name, limit);
    if (ZSTD_findFrameCompressedSize(bytes.data(), bytes.size()) == bytes.size()) {
      std::string out(static_cast<std::size_t>(size), '\0');
      const std::size_t got = ZSTD_decompress(out.data(), out.size(), bytes.data(), bytes.size());
      if (ZSTD_isError(got) != 0) return Fail("{}: {}", name, ZSTD_getErrorName(got));
      out.resize(got);
      return out;
    }
  }
  const ArchivePtr archive(archive_read_new());
  if (!archive) return Fail("out of memory");
  archive_read_support_filter_all(archive.get());
  archive_read_support_format_raw(archive.get());
  struct archive_entry* header = nullptr;
  if (archive_read_open_memory(archive.get(), bytes.data(), bytes.size()) != ARCHIVE_OK ||
      archive_read_next_header(archive.get(), &header) != ARCHIVE_OK) {
    return Fail("{}: {}", name, Reason(archive.get()));
  }
  return ReadData(archive.get(), bytes.size() * 5, limit, name);
}

Result<> PutEntry(Tree& tree, ArchiveEntry entry, std::string_view name) {
  if (!entry.hard_link.empty()) {
    const Node* first = tree.Find(entry.hard_link);
    if (first == nullptr || first->type == NodeType::kDirectory) {
      return Fail("{}: {} is a hard link to {}, which is not there", name, entry.path,
                  entry.hard_link);
    }
    entry.node = *first;
  }
  return tree.Put(entry.path, std::move(entry.node));
}

}  // namespace inro::image
