#include "sys/interrupt.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "base/unique_fd.h"

namespace inro::sys {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};
constexpr int kInterruptedStatus = 130;
constexpr char kStop = 0;  // written by the destructor; signal numbers are greater

// The handler's only way out of its context; -1 while nothing is installed.
std::atomic<int> signal_pipe{-1};

void OnSignal(int number) {
  const int saved = errno;
  const char byte = static_cast<char>(number);
  [[maybe_unused]] const ssize_t written = ::write(signal_pipe.load(), &byte, 1);
  errno = saved;
}

}  // namespace

struct Interrupt::State {
  UniqueFd read_end;
  UniqueFd write_end;
  std::mutex mutex;
  std::map<int, Action> actions;  // by id, which grows
  int next_id = 1;
  std::atomic<bool> requested = false;
  std::thread thread;

  void Watch() {
    while (true) {
      char byte = 0;
      const ssize_t got = ::read(read_end.get(), &byte, 1);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0 || byte == kStop) return;
      const bool again = requested.exchange(true);
      if (!RunActions() || again) ::_exit(kInterruptedStatus);
    }
  }

  // True when the process ends by itself.
  bool RunActions() {
    const std::lock_guard lock(mutex);
    for (auto action = actions.rbegin(); action != actions.rend(); ++action) {
      if (action->second() == InterruptOutcome::kEndsByItself) return true;
    }
    return false;
  }
};

Interrupt::Interrupt(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Interrupt>> Interrupt::Install() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return FailErrno("make a pipe for signals");
  auto state = std::make_unique<State>();
  state->read_end.reset(ends[0]);
  state->write_end.reset(ends[1]);
  int none = -1;
  if (!signal_pipe.compare_exchange_strong(none, ends[1])) {
    return Fail("signal handlers are installed already");
  }
  for (int number : kSignals) {
    struct sigaction action{};
    action.sa_handler = OnSignal;
    action.sa_flags = SA_RESTART;
    ::sigaction(number, &action, nullptr);
  }
  State* raw = state.get();
  state->thread = std::thread([raw] { raw->Watch(); });
  return std::unique_ptr<Interrupt>(new Interrupt(std::move(state)));
}

Interrupt::~Interrupt() {
  for (int number : kSignals) ::signal(number, SIG_DFL);
  signal_pipe.store(-1);
  [[maybe_unused]] const ssize_t written = ::write(state_->write_end.get(), &kStop, 1);
  state_->thread.join();
}

bool Interrupt::requested() const { return state_->requested; }

Interrupt::Registration Interrupt::On(Action action) {
  const std::lock_guard lock(state_->mutex);
  const int id = state_->next_id++;
  state_->actions.emplace(id, std::move(action));
  return Registration(this, id);
}

void Interrupt::Remove(int id) {
  const std::lock_guard lock(state_->mutex);
  state_->actions.erase(id);
}

Interrupt::Registration::Registration(Registration&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)), id_(other.id_) {}

Interrupt::Registration& Interrupt::Registration::operator=(Registration&& other) noexcept {
  if (this != &other) {
    if (owner_ != nullptr) owner_->Remove(id_);
    owner_ = std::exchange(other.owner_, nullptr);
    id_ = other.id_;
  }
  return *this;
}

Interrupt::Registration::~Registration() {
  if (owner_ != nullptr) owner_->Remove(id_);
}

}  // namespace inro::sys
