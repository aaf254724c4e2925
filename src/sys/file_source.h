// Where configuration files are read from: the disk of the running system, or a tree in memory.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"

namespace inro::sys {

// Read only. Paths are absolute. Implementations need not be thread-safe.
class FileSource {
 public:
  enum class Type { kAbsent, kFile, kDirectory, kSymlink, kOther };

  virtual ~FileSource() = default;
  // Of the path itself; a link at its end is not followed.
  virtual Type TypeOf(const std::string& path) const = 0;
  // The target of a symbolic link, as it is stored.
  virtual Result<std::string> ReadLink(const std::string& path) const = 0;
  // The content of a regular file, links followed. An error over `limit` bytes.
  virtual Result<std::string> Read(const std::string& path, std::size_t limit) const = 0;
  // Names in a directory (links followed), sorted; none when it is absent.
  virtual std::vector<std::string> List(const std::string& path) const = 0;
};

// The disk of the running system. Reads only regular files: a FIFO or device cannot block it.
class DiskFileSource final : public FileSource {
 public:
  Type TypeOf(const std::string& path) const override;
  Result<std::string> ReadLink(const std::string& path) const override;
  Result<std::string> Read(const std::string& path, std::size_t limit) const override;
  std::vector<std::string> List(const std::string& path) const override;
};

}  // namespace inro::sys
