// Reads a file tree for a copy: its entries one after another, and the data of its files.
//
// A walk holds one descriptor a level and follows no symbolic link below the root. Trees that
// change meanwhile are read as they are found: what is gone is left out, a file that was replaced
// between its entry and its data is an error.
#pragma once

#include <sys/types.h>

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sys/tree_entry.h"

namespace inro::sys {

class TreeReader {
 public:
  struct Options {
    bool attributes = false;          // read extended attributes
    std::size_t content_limit = 0;    // files up to this size come with their content
    std::size_t extent_limit = 4096;  // beyond it, small holes are taken for data
  };

  // `path` may be a file or a folder; a symbolic link there is followed.
  static Result<TreeReader> Open(const std::string& path, const Options& options);
  TreeReader(TreeReader&&) noexcept;
  ~TreeReader();

  // The next entry: the root first, a folder before what is in it, names in order. Nothing at the
  // end. One thread at a time.
  Result<std::optional<TreeEntry>> Next();

  // `length` bytes of a file's data at `offset`; fewer is an error: the file has shrunk. `entry`
  // needs path, device and inode. May be called from several threads, also during Next().
  Result<std::string> Read(const TreeEntry& entry, std::uint64_t offset, std::size_t length);

 private:
  struct Level {
    UniqueFd folder;
    std::string path;                // below the root; empty: the root
    std::vector<std::string> names;  // sorted, last first
  };
  struct Files;  // open files that Read() uses again

  TreeReader(UniqueFd root, const Options& options);
  Result<TreeEntry> Describe(int folder, const std::string& name, std::string path,
                             UniqueFd* opened);
  Result<> Fill(int fd, TreeEntry& entry) const;
  Result<> Enter(UniqueFd folder, std::string path);

  UniqueFd root_;
  Options options_;
  bool started_ = false;
  std::vector<Level> levels_;
  std::map<std::pair<dev_t, ino_t>, std::string> linked_;  // files with several names
  std::unique_ptr<Files> files_;
};

}  // namespace inro::sys
