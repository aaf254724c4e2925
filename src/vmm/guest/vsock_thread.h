// inro's vsock device on a thread of its own.
#pragma once

#include <memory>

#include "base/result.h"
#include "vmm/guest/supervisor.h"

namespace inro::vmm {

// The device listens from Start on, and stops when the object goes away.
class VsockThread {
 public:
  // Does nothing when the spec names no socket for the device.
  static Result<std::unique_ptr<VsockThread>> Start(const SupervisorSpec& spec);
  virtual ~VsockThread() = default;
};

}  // namespace inro::vmm
