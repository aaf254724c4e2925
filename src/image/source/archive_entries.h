// Tar archives as nodes, through libarchive.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/tree/tree.h"

namespace inro::image {

// One entry: a node at a clean relative path ("" is the root folder), or a hard link to an earlier
// entry, whose node counts for nothing then.
struct ArchiveEntry {
  std::string path;
  Node node;
  std::string hard_link;  // clean path of the entry it is a link to; empty: not a link
};

// Takes one entry; an error ends the reading.
using EntrySink = std::function<Result<>(ArchiveEntry)>;

// Reads a tar in memory, plain or compressed. `name` is for messages. More than `limit` bytes of
// file content, malformed bytes, and a path or hard link with ".." in it are errors (kFailed).
// Sockets are passed over; extended attributes are kept, ACLs are not.
Result<> ReadTarBytes(std::string_view bytes, std::string_view name, std::uint64_t limit,
                      const EntrySink& sink);

inline constexpr std::uint64_t kNoTarLimit = std::numeric_limits<std::int64_t>::max();

// The same from an open file, read from its current offset. `progress` gets the bytes read so far.
Result<> ReadTarFile(int fd, std::string_view name, const EntrySink& sink,
                     const std::function<void(std::uint64_t)>& progress,
                     std::uint64_t limit = kNoTarLimit);

// What the bytes are when decompressed (gzip, xz, zstd, ... or plain); an error above `limit`.
Result<std::string> Decompress(std::string_view bytes, std::string_view name, std::uint64_t limit);

// Puts the entries of one tar into a tree as they come, hard links sharing their content.
Result<> PutEntry(Tree& tree, ArchiveEntry entry, std::string_view name);

}  // namespace inro::image
