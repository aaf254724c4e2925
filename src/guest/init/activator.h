// Sockets and timers, behind the one seam that supervisor and launcher know.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "guest/init/activation.h"
#include "guest/init/socket_activation.h"
#include "guest/init/supervisor.h"
#include "guest/init/timer_activation.h"

namespace inro::guest {

// The supervisor as sockets and timers see it.
class SupervisorStarter final : public UnitStarter {
 public:
  explicit SupervisorStarter(Supervisor& supervisor) : supervisor_(supervisor) {}

  Result<JobId> StartUnit(const std::string& name) override {
    return supervisor_.Submit(JobKind::kStart, name, JobMode::kReplace, Now());
  }
  Result<JobId> StopUnit(const std::string& name) override {
    return supervisor_.Submit(JobKind::kStop, name, JobMode::kReplace, Now());
  }
  bool IsPending(JobId job) const override {
    return supervisor_.OutcomeOf(job) == JobOutcome::kPending;
  }
  void FailUnit(const std::string& name, std::string_view result, std::string reason) override {
    supervisor_.FailUnit(name, result, std::move(reason), Now());
  }
  void SetSub(const std::string& name, std::string_view sub) override {
    supervisor_.SetSub(name, sub);
  }
  void SetAccepted(const std::string& name, unsigned count) override {
    if (UnitRun* run = supervisor_.Find(name)) run->accepted = count;
  }
  void ForgetWhenDown(const std::string& name) override { supervisor_.ForgetWhenDown(name); }
  const UnitRun* Find(std::string_view name) const override {
    return std::as_const(supervisor_).Find(name);
  }
  bool Stopping() const override { return supervisor_.stopping(); }
  Time Now() const override;
  std::int64_t WallClock() const override;

 private:
  Supervisor& supervisor_;
};

class Activator final : public Activation {
 public:
  // `supervisor` need not be made yet.
  Activator(Supervisor& supervisor, const Accounts& accounts, KernelLog& log, int epoll,
            TimerFolders folders)
      : starter_(supervisor),
        sockets_(starter_, accounts, log, epoll),
        timers_(starter_, log, epoll, std::move(folders)) {}

  Result<> Activate(const unit::Unit& unit) override {
    return unit.socket ? sockets_.Activate(unit) : timers_.Activate(unit);
  }
  void Deactivate(const unit::Unit& unit) override {
    unit.socket ? sockets_.Deactivate(unit) : timers_.Deactivate(unit);
  }
  void UnitChanged(const UnitRun& run) override {
    sockets_.UnitChanged(run);
    timers_.UnitChanged(run);
  }
  std::vector<PassedDescriptor> DescriptorsFor(const unit::Unit& service) override {
    return sockets_.DescriptorsFor(service);
  }
  const PassedConnection* ConnectionOf(const unit::Unit& service) override {
    return sockets_.ConnectionOf(service.name);
  }

  bool OnReadable(int fd) { return sockets_.OnReadable(fd) || timers_.OnReadable(fd); }
  // Once after each round of events: what changed meanwhile is acted upon.
  void Settle() {
    sockets_.Settle();
    timers_.Settle();
  }
  Time NextDeadline() const { return std::min(sockets_.NextDeadline(), timers_.NextDeadline()); }

 private:
  SupervisorStarter starter_;
  SocketActivation sockets_;
  TimerActivation timers_;
};

}  // namespace inro::guest
