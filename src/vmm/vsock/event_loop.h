// An epoll set whose entries carry a number, so that an event for something that is gone is
// recognised.
#pragma once

#include <sys/epoll.h>

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace inro::vmm {

using Clock = std::chrono::steady_clock;

class EventLoop {
 public:
  static Result<EventLoop> Create();

  // Watches `fd` for `events` (EPOLLIN, EPOLLET, ...). A descriptor leaves the set when it is
  // closed.
  Result<> Add(int fd, std::uint32_t events, std::uint64_t token);
  // Watches for other events; one that is there already is reported again.
  Result<> Change(int fd, std::uint32_t events, std::uint64_t token);
  void Remove(int fd);

  // Waits until something happens or `deadline`; the result is valid until the next call. May be
  // empty.
  Result<std::span<const epoll_event>> Wait(Clock::time_point deadline);

 private:
  explicit EventLoop(UniqueFd epoll) : epoll_(std::move(epoll)), events_(256) {}
  UniqueFd epoll_;
  std::vector<epoll_event> events_;
};

}  // namespace inro::vmm
