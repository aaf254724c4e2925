// Records mounts instead of making them.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "sys/mounts.h"

namespace inro::sys {

class FakeMounts final : public Mounts {
 public:
  struct Entry {
    std::string source, target, type;
    unsigned long flags = 0;
    std::string options;
  };
  std::vector<Entry> mounted;
  std::vector<std::string> directories;
  std::vector<std::string> failing_types;  // these cannot be mounted (ENODEV)

  Result<> Mount(const std::string& source, const std::string& target, const std::string& type,
                 unsigned long flags, const std::string& options) override {
    if (std::ranges::find(failing_types, type) != failing_types.end()) {
      return std::unexpected(Error::FromErrno("mount " + type, 19));
    }
    mounted.push_back({source, target, type, flags, options});
    return {};
  }
  Result<> Unmount(const std::string& target, int) override {
    const auto entry = std::ranges::find(mounted, target, &Entry::target);
    if (entry == mounted.end()) return Fail("{} is not mounted", target);
    mounted.erase(entry);
    return {};
  }
  bool IsMountPoint(const std::string& path) override {
    return std::ranges::find(mounted, path, &Entry::target) != mounted.end();
  }
  Result<> MakeDirectory(const std::string& path, unsigned) override {
    directories.push_back(path);
    return {};
  }
};

}  // namespace inro::sys
