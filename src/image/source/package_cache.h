// The content-addressed cache of packages, shared by all builds of a user.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "image/source/deb.h"
#include "image/source/source.h"

namespace inro::image {

// A folder of packages under their SHA-256, each as it was fetched (HASH.deb) and repacked for
// fast reading (HASH.fast.deb). Files appear by rename, whole, and never change; so processes and
// threads may use one folder at once. What is found corrupt is removed and reported as absent.
class PackageCache {
 public:
  explicit PackageCache(std::string folder) : folder_(std::move(folder)) {}

  // True when a file for the package is there (whole or not).
  bool Contains(const Package& package) const;
  // The unpacked package. kNotFound when it is not in the cache, or was corrupt: its bytes had
  // another SHA-256. Malformed bytes with the right hash are kFailed.
  Result<Deb> Read(const Package& package) const;
  // Moves a fetched file (on the same file system) to its place.
  Result<> Adopt(const Package& package, const std::string& file) const;

  std::string DebPath(const Package& package) const;
  const std::string& folder() const { return folder_; }

 private:
  std::string Path(const Package& package, std::string_view suffix) const;
  std::string folder_;
};

}  // namespace inro::image
