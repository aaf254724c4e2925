// One TCP connection of this machine, carried on to a stream: for clients that speak only TCP.
#pragma once

#include <cstdint>
#include <thread>

#include "base/result.h"
#include "base/unique_fd.h"

namespace inro::boot_test {

// Listens on 127.0.0.1 for one connection; a thread of its own carries the bytes both ways until an
// end closes or the object goes.
class TcpRelay {
 public:
  static Result<TcpRelay> Start(UniqueFd stream);
  TcpRelay(TcpRelay&&) = default;
  TcpRelay& operator=(TcpRelay&&) = delete;
  ~TcpRelay();

  std::uint16_t port() const { return port_; }

 private:
  TcpRelay(std::uint16_t port, UniqueFd stop, std::thread thread)
      : port_(port), stop_(std::move(stop)), thread_(std::move(thread)) {}

  std::uint16_t port_;
  UniqueFd stop_;  // closed: the thread ends
  std::thread thread_;
};

}  // namespace inro::boot_test
