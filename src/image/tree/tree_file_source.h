// A tree in memory as the disk that unit files are read from.
#pragma once

#include "image/tree/tree.h"
#include "sys/file_source.h"

namespace inro::image {

// The tree must outlive it and not change meanwhile.
class TreeFileSource final : public sys::FileSource {
 public:
  explicit TreeFileSource(const Tree& tree) : tree_(tree) {}
  Type TypeOf(const std::string& path) const override;
  Result<std::string> ReadLink(const std::string& path) const override;
  Result<std::string> Read(const std::string& path, std::size_t limit) const override;
  std::vector<std::string> List(const std::string& path) const override;

 private:
  const Tree& tree_;
};

}  // namespace inro::image
