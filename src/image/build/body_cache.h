// A cache of bytes that are costly to make and named by what they are made from.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace inro::image {

// Files in one folder. Safe for several processes at once: entries appear by rename and are checked
// when read; a damaged one is made again.
class BodyCache {
 public:
  explicit BodyCache(std::string folder) : folder_(std::move(folder)) {}

  // The bytes for `key` (a hexadecimal digest of everything they depend on), made when absent. A
  // cache that cannot be written is no error. At most kEntries are kept, the oldest in use go.
  Result<std::string> Get(std::string_view key,
                          const std::function<Result<std::string>()>& make) const;

  static constexpr int kEntries = 16;

 private:
  void Trim() const;
  std::string folder_;
};

}  // namespace inro::image
