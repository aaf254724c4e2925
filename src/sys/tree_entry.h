// One file, folder, link or node of a file tree, as a copy carries it. Its fields are listed in the
// manner of protocol/message.h, so that it goes over the wire as it is (proto/control.proto).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace inro::sys {

enum class TreeEntryType : std::int32_t {
  kUnset = 0,
  kFile = 1,
  kDirectory = 2,
  kSymlink = 3,
  kFifo = 4,
  kSocket = 5,
  kCharacterDevice = 6,
  kBlockDevice = 7,
};

struct TreeEntry {
  static constexpr std::string_view kName = "inro.control.v1.CopyEntry";
  std::string path;  // below the tree's root; empty: the root itself
  TreeEntryType type{};
  std::uint32_t mode = 0;  // permissions
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t size = 0;
  std::int64_t mtime_sec = 0;
  std::uint32_t mtime_nsec = 0;
  std::string link;                    // target of a symbolic link
  std::string same_as;                 // path of an entry before this one: a hard link to it
  std::uint32_t major = 0;             // of a device
  std::uint32_t minor = 0;             // of a device
  std::vector<std::uint64_t> extents;  // a file's data: offset, length, offset, length, ...
  std::string content;                 // all of it, for a small file
  bool whole = false;                  // `content` is all of it
  std::uint64_t device = 0;            // of the file at the source: so a change is noticed
  std::uint64_t inode = 0;
  std::vector<std::string> attributes;  // extended ones: name, value, name, value, ...

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "path", &TreeEntry::path);
    visit(2, "type", &TreeEntry::type);
    visit(3, "mode", &TreeEntry::mode);
    visit(4, "uid", &TreeEntry::uid);
    visit(5, "gid", &TreeEntry::gid);
    visit(6, "size", &TreeEntry::size);
    visit(7, "mtime_sec", &TreeEntry::mtime_sec);
    visit(8, "mtime_nsec", &TreeEntry::mtime_nsec);
    visit(9, "link", &TreeEntry::link);
    visit(10, "same_as", &TreeEntry::same_as);
    visit(11, "major", &TreeEntry::major);
    visit(12, "minor", &TreeEntry::minor);
    visit(13, "extents", &TreeEntry::extents);
    visit(14, "content", &TreeEntry::content);
    visit(15, "whole", &TreeEntry::whole);
    visit(16, "device", &TreeEntry::device);
    visit(17, "inode", &TreeEntry::inode);
    visit(18, "attributes", &TreeEntry::attributes);
  }
};

}  // namespace inro::sys
