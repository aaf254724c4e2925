// The seam to what the agent asks of the kernel besides files, mounts and network.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace inro::guest::agent {

class Kernel {
 public:
  virtual ~Kernel() = default;
  // settimeofday(2).
  virtual Result<> SetTime(std::int64_t seconds, std::int64_t microseconds) = 0;
  // Mixes `bytes` into the random pool and reseeds the generator.
  virtual Result<> AddEntropy(std::string_view bytes) = 0;
  // Loads a module with all it depends on, by modprobe(8).
  virtual Result<> LoadModule(const std::string& name,
                              const std::vector<std::string>& parameters) = 0;
  // Makes an IPC and a UTS namespace that outlive every process, bound to `folder`/ipc and
  // `folder`/uts; `hostname`, if any, is set in the latter.
  virtual Result<> HoldNamespaces(const std::string& folder, const std::string& hostname) = 0;
};

class SystemKernel final : public Kernel {
 public:
  Result<> SetTime(std::int64_t seconds, std::int64_t microseconds) override;
  Result<> AddEntropy(std::string_view bytes) override;
  Result<> LoadModule(const std::string& name, const std::vector<std::string>& parameters) override;
  Result<> HoldNamespaces(const std::string& folder, const std::string& hostname) override;
};

}  // namespace inro::guest::agent
