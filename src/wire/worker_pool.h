// Threads for work that may block, made on demand and ended when idle: an idle agent has none.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>

namespace inro::wire {

class WorkerPool {
 public:
  struct Options {
    std::size_t max_threads = 16;
    std::chrono::milliseconds idle{1000};
    std::size_t stack_bytes = std::size_t{256} << 10;
  };

  WorkerPool() : WorkerPool(Options()) {}
  explicit WorkerPool(const Options& options) : options_(options) {}
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  // Drops what has not begun and waits for what has.
  ~WorkerPool();

  // Runs `job` on a thread of the pool, in order of submission when all are busy. May be called
  // from any thread. When no thread can be made and none exists, the job runs at once, here.
  void Submit(std::function<void()> job);

  std::size_t threads() const;

 private:
  static void* ThreadMain(void* pool);
  void Work();
  bool StartThread();

  const Options options_;
  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable ended_;
  std::deque<std::function<void()>> jobs_;
  std::size_t threads_ = 0;
  std::size_t idle_ = 0;
  bool stopping_ = false;
};

}  // namespace inro::wire
