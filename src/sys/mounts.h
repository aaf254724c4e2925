// The seam to mounting.
#pragma once

#include <string>

#include "base/result.h"

namespace inro::sys {

class Mounts {
 public:
  virtual ~Mounts() = default;
  // mount(2). `options` are the file system's own.
  virtual Result<> Mount(const std::string& source, const std::string& target,
                         const std::string& type, unsigned long flags,
                         const std::string& options) = 0;
  // umount2(2).
  virtual Result<> Unmount(const std::string& target, int flags) = 0;
  virtual bool IsMountPoint(const std::string& path) = 0;
  // mkdir(2); an existing directory is fine.
  virtual Result<> MakeDirectory(const std::string& path, unsigned mode) = 0;
};

class SystemMounts final : public Mounts {
 public:
  Result<> Mount(const std::string& source, const std::string& target, const std::string& type,
                 unsigned long flags, const std::string& options) override;
  Result<> Unmount(const std::string& target, int flags) override;
  bool IsMountPoint(const std::string& path) override;
  Result<> MakeDirectory(const std::string& path, unsigned mode) override;
};

}  // namespace inro::sys
