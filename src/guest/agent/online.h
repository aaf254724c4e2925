// OnlineCPUMem: brings hot-plugged processors and memory into use.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"

namespace inro::guest::agent {

// Not thread-safe.
class HotplugOnline {
 public:
  struct Options {
    std::string sysfs = "/sys";
    int tries = 100;  // hot-plugged processors appear some time after the request
    std::chrono::milliseconds pause{50};
    std::function<void(std::chrono::milliseconds)> sleep;  // for tests; empty: really
  };

  explicit HotplugOnline(Options options);

  // Waits until `count` processors more are online than at the end of the last call (at first: than
  // when this object was made), switching on what is off. So one that something else has switched
  // on in the meantime counts too.
  Result<> OnlineCpus(std::uint32_t count);
  // Switches every offline memory block on. Gives how many there were.
  Result<int> OnlineMemory();

 private:
  int CountOnline() const;

  const Options options_;
  int known_ = 0;
};

}  // namespace inro::guest::agent
