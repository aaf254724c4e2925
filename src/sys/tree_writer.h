// Writes a file tree for a copy. A file is written beside its place and renamed when it is whole:
// no name ever leads to half of a file.
//
// Entries come from somebody else: their paths never lead out of the root, symbolic links that lie
// on the way are not followed, and what is not asked for (owners, set-id bits, devices) is not
// made. A copy that is given up leaves whole files behind, and no others.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sys/tree_entry.h"

namespace inro::sys {

// All functions may be called from several threads at once, for different entries.
class TreeWriter {
 public:
  struct Options {
    bool keep_owners = false;  // uid, gid, set-id bits and extended attributes as in the entries
    bool devices = false;      // make device nodes; otherwise an entry that is one is an error
  };

  // `path`: what the tree's root becomes. Its folder must exist; a folder of that name is filled
  // up, a file is replaced.
  static Result<std::unique_ptr<TreeWriter>> Begin(const std::string& path, const Options& options);
  TreeWriter(const TreeWriter&) = delete;
  TreeWriter& operator=(const TreeWriter&) = delete;
  ~TreeWriter();

  // Writes a piece of the file at `path` below the root.
  Result<> Write(const std::string& path, std::uint64_t offset, std::string_view data);
  // Makes what the entry says. A file gets what Write() has written for it and its `content`, and
  // appears under its name. Folders are made so that they can be filled; FinishFolder() then gives
  // them their mode and time.
  Result<> Put(const TreeEntry& entry);
  Result<> FinishFolder(const TreeEntry& entry);

 private:
  struct Half;  // a file that is being written

  TreeWriter(UniqueFd parent, std::string name, const Options& options);
  // The folder that holds the entry, and the entry's name in it.
  struct Place {
    UniqueFd folder;
    std::string name;
  };
  Result<Place> PlaceOf(std::string_view path);
  Result<std::shared_ptr<Half>> HalfOf(const std::string& path);
  std::string TemporaryName();
  Result<> PutFile(const TreeEntry& entry);
  Result<> PutLink(const TreeEntry& entry);
  Result<> PutFolder(const TreeEntry& entry);
  Result<> PutNode(const TreeEntry& entry);
  Result<> SetOwner(int fd, const TreeEntry& entry) const;
  std::uint32_t ModeOf(const TreeEntry& entry) const;

  const UniqueFd parent_;
  const std::string name_;
  const Options options_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Half>> halves_;
  std::uint64_t next_temporary_ = 0;
};

}  // namespace inro::sys
