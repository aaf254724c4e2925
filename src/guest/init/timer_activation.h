// Timer units: they count, and start their units when they elapse (systemd.timer(5)).
//
// States of an active timer: waiting -> running -> waiting | elapsed. It is `running` from its
// elapse until the unit that it starts is down and has no job; `elapsed` when no time will come any
// more, unless something happens to that unit. A timer without RemainAfterElapse= stops then.
//
// Times of the calendar follow the wall clock: whenever that is set, all are worked out anew, and
// timers with OnClockChange= elapse. A timer whose time has passed while the clock was moved
// elapses once, at once.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "guest/init/kernel_log.h"
#include "guest/init/timer_schedule.h"
#include "guest/init/unit_starter.h"
#include "unit/unit.h"

namespace inro::guest {

struct TimerFolders {
  std::string stamps = "/var/lib/systemd/timers";  // of Persistent=
  std::string zone = "/etc/localtime";             // of OnTimezoneChange=
  // Times of calendar timers, for `systemctl list-timers`: name, next (wall clock), last; empty:
  // not written.
  std::string list = "/run/inro/timers.tsv";
};

class TimerActivation {
 public:
  TimerActivation(UnitStarter& starter, KernelLog& log, int epoll, TimerFolders folders);

  Result<> Activate(const unit::Unit& unit);
  void Deactivate(const unit::Unit& unit);
  void UnitChanged(const UnitRun& run);

  // True when the descriptor is the one that tells of a clock that was set.
  bool OnReadable(int fd);
  // What has changed, and what has elapsed. To be called in each wake, outside of the supervisor.
  void Settle();
  Time NextDeadline() const;

 private:
  struct Timer {
    std::string name;
    std::string unit;  // that it starts
    TimerMoments moments;
    Time deadline = kNever;
    std::optional<std::int64_t> wall;  // the deadline is this time of the calendar
    Time random_delay{0};
    bool running = false;
    bool began = false;  // of `running`: its unit has been seen to start
    JobId job = 0;
  };
  const unit::TimerSettings* SettingsOf(const Timer& timer) const;
  void Schedule(Timer& timer, bool clock_was_set);
  void Elapse(Timer& timer);
  void Look(Timer& timer);
  void WatchClock();
  void ClockWasSet();
  Time RandomDelay(const Timer& timer, const unit::TimerSettings& settings) const;
  std::string StampPath(const Timer& timer) const;
  void ReadStamp(Timer& timer);
  void WriteStamp(const Timer& timer);
  void WriteList();
  std::int64_t ZoneStamp() const;

  UnitStarter& starter_;
  KernelLog& log_;
  int epoll_;
  TimerFolders folders_;
  Time startup_;
  UniqueFd clock_;  // a timer that is canceled when the wall clock is set
  std::int64_t zone_stamp_ = 0;
  Time zone_check_ = kNever;
  std::map<std::string, std::unique_ptr<Timer>, std::less<>> timers_;
  std::multimap<std::string, Timer*, std::less<>> by_unit_;
  std::set<std::string> changed_;
  bool list_changed_ = false;
};

}  // namespace inro::guest
