// What the device counts. Written by the device's thread, read by any.
#pragma once

#include <atomic>
#include <cstdint>

namespace inro::vmm {

// A counter with one writer: no locked instruction is needed.
class Counter {
 public:
  void Add(std::uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void Set(std::uint64_t n) { value_.store(n, std::memory_order_relaxed); }
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct VsockStatistics {
  Counter driver_starts;   // times both rings became ready
  Counter connections;     // now open, handshakes and held ones included
  Counter host_connects;   // CONNECT lines accepted from the host
  Counter guest_connects;  // requests of the guest
  Counter held;            // connections that had to wait for the driver
  Counter expired;         // handshakes, holds and dials that were not done in time
  Counter refused;         // refused: over a limit, a bad CONNECT line, nobody listens
  Counter packets_from_guest;
  Counter packets_to_guest;
  Counter bytes_from_guest;
  Counter bytes_to_guest;
  Counter malformed_chains;   // descriptor chains that were given back unused
  Counter dropped_packets;    // wrong CID, length or connection
  Counter credit_violations;  // connections reset because the guest sent more than allowed
  Counter signals;            // interrupts asked for
};

}  // namespace inro::vmm
