// An event loop over epoll: descriptors, one-shot timers, and functions posted by other threads.
//
// Everything runs on the thread that is in Run(), one callback at a time; only Post() and Stop()
// may be called from other threads, and Stop() also from a signal handler. A callback may add and
// remove any watch or timer, its own too.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace inro::wire {

class Loop {
 public:
  using Clock = std::chrono::steady_clock;
  using Token = std::uint64_t;  // names a watch or a timer; never reused; 0 names none

  static Result<std::unique_ptr<Loop>> Create();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Calls `ready` with the EPOLL* bits whenever `fd` has any of `events`. The caller owns `fd` and
  // must Unwatch() before it closes it. The loop takes 0 for an `fd` that epoll refuses.
  Token Watch(int fd, std::uint32_t events, std::function<void(std::uint32_t)> ready);
  void Change(Token watch, std::uint32_t events);
  void Unwatch(Token watch);

  Token At(Clock::time_point when, std::function<void()> action);
  void Cancel(Token timer);

  void Post(std::function<void()> action);
  void Run();  // until Stop(); what was posted before Stop() has run when it returns
  bool OnThread() const { return runner_ == std::this_thread::get_id(); }  // that is in Run()
  void Stop();  // sticks: a later Run() returns at once

 private:
  struct Watched {
    int fd = -1;
    std::function<void(std::uint32_t)> ready;
  };

  Loop(UniqueFd epoll, UniqueFd wake) : epoll_(std::move(epoll)), wake_(std::move(wake)) {}
  int MillisecondsToWork();
  void Wake();
  void RunTimers();
  void RunPosted();

  UniqueFd epoll_;
  UniqueFd wake_;
  Token next_token_ = 1;
  std::map<Token, std::shared_ptr<Watched>> watched_;
  std::map<std::pair<Clock::time_point, Token>, std::function<void()>> timers_;
  std::map<Token, Clock::time_point> timer_times_;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;  // under mutex_
  std::atomic<bool> stopped_ = false;
  std::atomic<std::thread::id> runner_;  // in Run(); its own posts need no wake-up
};

}  // namespace inro::wire
