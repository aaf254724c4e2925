// The host's clock for the guest of a supervisor: port 10123 (protocol/time_message.h).
//
// With inro's device that port is a socket of this guest alone. The kernel's vsock has one such
// port for all guests of the host: one supervisor serves them all, and when it ends, another takes
// over.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "vmm/guest/supervisor.h"

namespace inro::vmm {

class TimeServer;

// States: *serving*, or *waiting* for the port, which the owner of the object tries again by
// Retry() each RetryInterval(). A guest without it is a guest without a reference: never fatal.
class TimeService {
 public:
  explicit TimeService(const SupervisorSpec& spec);
  ~TimeService();
  TimeService(const TimeService&) = delete;
  TimeService& operator=(const TimeService&) = delete;

  // -1 when there is nothing to try again.
  std::chrono::milliseconds RetryInterval() const;
  void Retry();

 private:
  const bool wanted_;
  const std::string hybrid_socket_;  // empty: the kernel's vsock
  bool complained_ = false;
  std::unique_ptr<TimeServer> server_;
};

}  // namespace inro::vmm
