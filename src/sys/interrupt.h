// What happens on Ctrl-C. SIGINT, SIGTERM and SIGHUP are taken by a thread, which runs the actions
// that are registered, newest first, and then ends the process with status 130.
//
// States: idle -> (first signal) interrupted -> ended. An action that returns kEndsByItself keeps
// the process running: whoever registered it leaves in its own way. A second signal does not wait
// for that: the remaining actions run and the process ends.
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"

namespace inro::sys {

enum class InterruptOutcome { kContinue, kEndsByItself };

class Interrupt {
 public:
  using Action = std::function<InterruptOutcome()>;

  // Installs the handlers. One object a process; programs that it starts get the default handlers.
  static Result<std::unique_ptr<Interrupt>> Install();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // Unregisters its action when it goes; waits when the action is running just then.
  class Registration {
   public:
    Registration() = default;
    Registration(Registration&& other) noexcept;
    Registration& operator=(Registration&& other) noexcept;
    ~Registration();

   private:
    friend class Interrupt;
    Registration(Interrupt* owner, int id) : owner_(owner), id_(id) {}
    Interrupt* owner_ = nullptr;
    int id_ = 0;
  };

  // The action runs on another thread than the caller's, while the caller goes on.
  Registration On(Action action);

  // True after the first signal.
  bool requested() const;

 private:
  struct State;
  explicit Interrupt(std::unique_ptr<State> state);
  void Remove(int id);
  std::unique_ptr<State> state_;
};

}  // namespace inro::sys
