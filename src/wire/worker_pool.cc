#include "wire/worker_pool.h"

#include <pthread.h>

#include <utility>

namespace inro::wire {

WorkerPool::~WorkerPool() {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  jobs_.clear();
  work_.notify_all();
  ended_.wait(lock, [this] { return threads_ == 0; });
}

void WorkerPool::Submit(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    const bool need_thread = idle_ <= jobs_.size() && threads_ < options_.max_threads;
    if (!need_thread || StartThread() || threads_ > 0) {
      jobs_.push_back(std::move(job));
      work_.notify_one();
      return;
    }
  }
  job();
}

std::size_t WorkerPool::threads() const {
  const std::lock_guard lock(mutex_);
  return threads_;
}

// Detached threads: their end is seen through threads_, so none has to be joined and an idle one
// leaves nothing behind.
bool WorkerPool::StartThread() {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, options_.stack_bytes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  const bool started = pthread_create(&thread, &attributes, ThreadMain, this) == 0;
  pthread_attr_destroy(&attributes);
  if (started) ++threads_;
  return started;
}

void* WorkerPool::ThreadMain(void* pool) {
  static_cast<WorkerPool*>(pool)->Work();
  return nullptr;
}

void WorkerPool::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    const bool woken =
        work_.wait_for(lock, options_.idle, [this] { return stopping_ || !jobs_.empty(); });
    --idle_;
    if (!woken || stopping_) break;
    std::function<void()> job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
  }
  --threads_;
  // The pool may be gone as soon as the lock is free: notify while holding it.
  ended_.notify_all();
}

}  // namespace inro::wire
