#include "vmm/vsock/event_loop.h"

#include <algorithm>
#include <cerrno>

namespace inro::vmm {

Result<EventLoop> EventLoop::Create() {
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return FailErrno("make an epoll set");
  return EventLoop(std::move(epoll));
}

Result<> EventLoop::Add(int fd, std::uint32_t events, std::uint64_t token) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = token;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
    return FailErrno("watch a descriptor");
  return {};
}

Result<> EventLoop::Change(int fd, std::uint32_t events, std::uint64_t token) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = token;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) != 0)
    return FailErrno("watch a descriptor for other events");
  return {};
}

void EventLoop::Remove(int fd) { epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

Result<std::span<const epoll_event>> EventLoop::Wait(Clock::time_point deadline) {
  int timeout = -1;
  if (deadline != Clock::time_point::max()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    timeout = static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
  }
  const int count =
      epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), timeout);
  if (count < 0) {
    if (errno == EINTR) return std::span<const epoll_event>();
    return FailErrno("wait for events");
  }
  return std::span<const epoll_event>(events_.data(), static_cast<std::size_t>(count));
}

}  // namespace inro::vmm
