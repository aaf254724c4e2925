// Remembered results of the resolver.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "image/source/source.h"

namespace inro::image {

// A file per request in a folder. The file is named by a digest of the request and of the package
// lists' fingerprint, so a change of either misses. A file that cannot be read or parsed misses.
class SolutionCache {
 public:
  explicit SolutionCache(std::string folder) : folder_(std::move(folder)) {}

  static std::string Key(const std::string& fingerprint, const std::vector<std::string>& wanted,
                         const std::vector<std::string>& exclude);

  std::optional<std::vector<Package>> Load(const std::string& key) const;
  Result<> Store(const std::string& key, const std::vector<Package>& packages) const;

 private:
  std::string folder_;
};

}  // namespace inro::image
