#include "guest/init/supervisor.h"

#include <algorithm>
#include <utility>

namespace inro::guest {

using unit::LoadState;
using unit::Unit;
using unit::UnitKind;
using JobState = UnitRun::JobState;

std::string_view ToString(UnitPhase phase) {
  constexpr std::string_view kNames[] = {"inactive",  "waiting",    "condition",    "start-pre",
                                         "start",     "start-post", "running",      "exited",
                                         "active",    "stop",       "stop-sigterm", "stop-sigkill",
                                         "stop-post", "failed",     "auto-restart"};
  return kNames[static_cast<std::size_t>(phase)];
}

UnitRun& Supervisor::RunOf(Unit* unit) {
  auto& slot = runs_[unit->name];
  if (!slot) {
    slot = std::make_unique<UnitRun>();
    slot->unit = unit;
  }
  return *slot;
}

UnitRun* Supervisor::Find(std::string_view name) {
  const auto found = runs_.find(name);
  return found == runs_.end() ? nullptr : found->second.get();
}

void Supervisor::Enter(UnitRun& run, UnitPhase phase, Time now, unit::Microseconds timeout) {
  run.phase = phase;
  run.since = now;
  if (phase == UnitPhase::kCondition || phase == UnitPhase::kActive) run.started = now;
  if (phase == UnitPhase::kRunning || phase == UnitPhase::kExited || phase == UnitPhase::kActive) {
    run.active = now;
  }
  run.deadline = timeout == unit::kForever ? kNever : now + timeout;
  ++generation_;
}

void Supervisor::Start(const unit::Transaction& transaction, Time now) {
  for (const std::string& note : transaction.notes) host_.Log(LogLevel::kWarning, note);
  std::vector<UnitRun*> runs;
  runs.reserve(transaction.jobs.size());
  for (const unit::Job& job : transaction.jobs) runs.push_back(&RunOf(job.unit));
  for (std::size_t i = 0; i < runs.size(); ++i) {
    UnitRun& run = *runs[i];
    if (run.job == JobState::kWaiting || run.job == JobState::kRunning) continue;
    if (run.phase != UnitPhase::kInactive && run.phase != UnitPhase::kFailed) continue;
    run.job = JobState::kWaiting;
    for (const std::size_t other : transaction.jobs[i].after) run.after.push_back(runs[other]);
    for (const std::size_t other : transaction.jobs[i].needs) run.needs.push_back(runs[other]);
    Enter(run, UnitPhase::kWaiting, now, unit::kForever);
  }
  Pump(now);
}

// Starts every job whose turn has come, until nothing changes. Not recursive: a job that ends while
// this runs only asks for another round.
void Supervisor::Pump(Time now) {
  if (std::exchange(pumping_, true)) {
    pump_again_ = true;
    return;
  }
  do {
    pump_again_ = false;
    for (auto& [name, run] : runs_) {
      if (!stopping_ && run->job == JobState::kWaiting && StartWaiting(*run, now)) {
        pump_again_ = true;
      }
    }
  } while (pump_again_);
  pumping_ = false;
  if (stopping_) PumpStops(now);
}

bool Supervisor::StartWaiting(UnitRun& run, Time now) {
  const auto ended = [](const UnitRun* other) {
    return other->job != JobState::kWaiting && other->job != JobState::kRunning;
  };
  for (const UnitRun* needed : run.needs) {
    if (needed->job == JobState::kFailed) {
      run.result = "dependency " + needed->unit->name + " failed";
      run.failed = true;
      Enter(run, UnitPhase::kInactive, now, unit::kForever);
      LogFailure(run);
      EndJob(run, JobState::kFailed);
      return true;
    }
  }
  if (!std::ranges::all_of(run.after, ended)) return false;
  run.job = JobState::kRunning;
  Begin(run, now);
  return true;
}

void Supervisor::EndJob(UnitRun& run, JobState state) {
  if (run.job != JobState::kWaiting && run.job != JobState::kRunning) return;
  run.job = state;
  run.after.clear();
  run.needs.clear();
  ++generation_;
  pump_again_ = true;
}

// One form for all failures: the host's boot watch looks for it.
void Supervisor::LogFailure(const UnitRun& run) {
  host_.Log(LogLevel::kError, "failed unit " + run.unit->name + ": " + run.result);
}

bool Supervisor::ConditionsHold(UnitRun& run) {
  bool any_trigger = false;
  bool trigger_held = false;
  for (const unit::Condition& condition : run.unit->conditions) {
    const bool holds = host_.Holds(condition) != condition.negate;
    if (condition.trigger) {
      any_trigger = true;
      trigger_held = trigger_held || holds;
    } else if (!holds) {
      run.failed = condition.assertion;
      run.result = "condition failed: " + condition.value;
      return false;
    }
  }
  if (any_trigger && !trigger_held) {
    run.result = "no triggering condition holds";
    return false;
  }
  return true;
}

bool Supervisor::WithinStartLimit(UnitRun& run, Time now) {
  const unit::StartLimit& limit = run.unit->start_limit;
  if (limit.interval.count() == 0 || limit.burst == 0) return true;
  const bool open = run.limit_count > 0 &&
                    (limit.interval == unit::kForever || now - run.limit_begin < limit.interval);
  if (!open) {
    run.limit_begin = now;
    run.limit_count = 0;
  }
  return ++run.limit_count <= limit.burst;
}

void Supervisor::Begin(UnitRun& run, Time now) {
  const Unit& unit = *run.unit;
  run.failed = false;
  run.stop_requested = false;
  run.ready = false;
  run.kind_of_end = 0;
  run.end_status = 0;
  run.result.clear();
  run.status.clear();
  const auto refuse = [&](std::string reason) {
    run.failed = true;
    run.result = std::move(reason);
    Enter(run, UnitPhase::kFailed, now, unit::kForever);
    LogFailure(run);
    EndJob(run, JobState::kFailed);
    AfterDown(run, now);
  };
  if (!unit.problem.empty()) return refuse(unit.problem);
  if (!ConditionsHold(run)) {
    if (run.failed) return refuse(run.result);
    Enter(run, UnitPhase::kInactive, now, unit::kForever);
    host_.Log(LogLevel::kInfo, unit.name + ": skipped: " + run.result);
    EndJob(run, JobState::kDone);
    return;
  }
  switch (unit.kind) {
    case UnitKind::kService:
      if (!WithinStartLimit(run, now)) return refuse("started too often (StartLimitBurst=)");
      return RunPhase(run, UnitPhase::kCondition, now);
    case UnitKind::kMount:
      if (const auto done = host_.Mount(unit); !done) return refuse(done.error().ToString());
      [[fallthrough]];
    case UnitKind::kTarget:
    case UnitKind::kSlice:
      Enter(run, UnitPhase::kActive, now, unit::kForever);
      if (unit.kind == UnitKind::kTarget) {
        // The host's boot watch waits for this line of the target that ends the boot.
        const bool last = unit.name == "kata-containers.target";
        host_.Log(last ? LogLevel::kNotice : LogLevel::kInfo, "reached " + unit.name);
      } else if (unit.kind == UnitKind::kMount) {
        host_.Log(LogLevel::kInfo, unit.name + ": started");
      }
      EndJob(run, JobState::kDone);
      return;
    default:
      return refuse("this init does not run units of this kind");
  }
}

void Supervisor::OnExit(pid_t pid, int status, Time now) {
  const auto found = processes_.find(pid);
  if (found == processes_.end()) return;
  UnitRun& run = *found->second;
  processes_.erase(found);
  if (pid == run.control_pid) {
    run.control_pid = 0;
    ControlEnded(run, status, now);
  } else if (pid == run.main_pid) {
    run.main_pid = 0;
    MainEnded(run, status, now);
  }
  Pump(now);
}

void Supervisor::OnNotify(pid_t sender, std::string_view group_unit, const NotifyMessage& message,
                          Time now) {
  UnitRun* run = nullptr;
  if (const auto found = processes_.find(sender); found != processes_.end()) run = found->second;
  if (run == nullptr) run = Find(group_unit);
  if (run == nullptr || !run->unit->service) return;
  const unit::ServiceSettings& service = *run->unit->service;
  using unit::NotifyAccess;
  using unit::ServiceType;
  NotifyAccess access = service.notify_access;
  const ServiceType type = service.EffectiveType();
  if (access == NotifyAccess::kUnset) {
    const bool notify = type == ServiceType::kNotify || type == ServiceType::kNotifyReload;
    access = notify ? NotifyAccess::kMain : NotifyAccess::kNone;
  }
  const bool allowed = access == NotifyAccess::kAll ||
                       (access != NotifyAccess::kNone && sender == run->main_pid) ||
                       (access == NotifyAccess::kExec && sender == run->control_pid);
  if (!allowed) return;
  ++generation_;
  if (message.status) run->status = message.status->substr(0, 256);
  if (message.main_pid && *message.main_pid > 1 && *message.main_pid != run->main_pid) {
    if (run->main_pid > 0) processes_.erase(run->main_pid);
    run->main_pid = *message.main_pid;
    processes_[run->main_pid] = run;
  }
  if (message.extend_timeout && run->deadline != kNever) {
    run->deadline = std::max(run->deadline, now + *message.extend_timeout);
  }
  if (message.ready && !std::exchange(run->ready, true) && run->phase == UnitPhase::kStart &&
      (type == ServiceType::kNotify || type == ServiceType::kNotifyReload)) {
    Started(*run, now);
  }
  if (message.stopping && run->phase == UnitPhase::kRunning) {
    Enter(*run, UnitPhase::kStopSigterm, now, service.stop_timeout);
  }
  Pump(now);
}

Time Supervisor::NextDeadline() const {
  // A group may run empty without a child of ours ending: looked at now and then while stopping.
  constexpr Time kGroupCheck{50'000};
  Time next = kNever;
  for (const auto& [name, run] : runs_) {
    next = std::min(next, run->deadline);
    const bool watch =
        run->phase == UnitPhase::kStopSigterm || run->phase == UnitPhase::kStopSigkill ||
        (run->phase == UnitPhase::kStart && run->main_pid == 0 && run->control_pid == 0);
    if (watch) next = std::min(next, last_check_ + kGroupCheck);
  }
  return next;
}

void Supervisor::OnTime(Time now) {
  last_check_ = now;
  for (auto& [name, run] : runs_) {
    if (run->phase == UnitPhase::kStopSigterm || run->phase == UnitPhase::kStopSigkill) {
      CheckStopped(*run, now);
    } else if (run->phase == UnitPhase::kStart && run->main_pid == 0 && run->control_pid == 0 &&
               AdoptMainProcess(*run)) {
      Started(*run, now);
    }
    if (now >= run->deadline) Timeout(*run, now);
  }
  Pump(now);
}

void Supervisor::RequestStop(Time now) {
  if (std::exchange(stopping_, true)) return;
  std::vector<Unit*> active;
  for (auto& [name, run] : runs_) {
    run->stop_requested = true;
    if (run->job == JobState::kWaiting) {
      EndJob(*run, JobState::kFailed);
      Enter(*run, UnitPhase::kInactive, now, unit::kForever);
    }
    if (run->phase == UnitPhase::kAutoRestart) {
      Enter(*run, UnitPhase::kInactive, now, unit::kForever);
    }
    if (run->phase != UnitPhase::kInactive && run->phase != UnitPhase::kFailed) {
      active.push_back(run->unit);
    }
  }
  stop_order_.clear();
  for (const unit::Job& job : unit::BuildStopOrder(loader_, active)) {
    StopJob stop{Find(job.unit->name), {}};
    for (const std::size_t other : job.after) stop.after.push_back(other);
    stop_order_.push_back(std::move(stop));
  }
  PumpStops(now);
}

void Supervisor::PumpStops(Time now) {
  const auto down = [](const UnitRun* run) {
    return run->phase == UnitPhase::kInactive || run->phase == UnitPhase::kFailed;
  };
  bool changed = true;
  while (changed) {
    changed = false;
    for (StopJob& job : stop_order_) {
      if (job.begun || !std::ranges::all_of(job.after, [&](std::size_t other) {
            return down(stop_order_[other].run);
          })) {
        continue;
      }
      job.begun = true;
      changed = true;
      UnitRun& run = *job.run;
      EndJob(run, JobState::kFailed);
      if (run.phase == UnitPhase::kActive) {
        Enter(run, UnitPhase::kInactive, now, unit::kForever);
      } else if (!down(&run)) {
        BeginStop(run, now);
      }
    }
  }
}

// A unit is down for good, well or not: what others have asked for in that case.
void Supervisor::AfterDown(UnitRun& run, Time now) {
  const Unit& unit = *run.unit;
  RequestAction(run.failed ? unit.failure_action : unit.success_action, run);
  if (stopping_) return;
  for (const std::string& name : run.failed ? unit.on_failure : unit.on_success) {
    if (const auto transaction = unit::BuildTransaction(loader_, name)) {
      Start(*transaction, now);
    } else {
      host_.Log(LogLevel::kError, name + ": cannot be started: " + transaction.error().ToString());
    }
  }
  for (auto& [name, other] : runs_) {
    const bool up = other->phase == UnitPhase::kRunning || other->phase == UnitPhase::kExited ||
                    other->phase == UnitPhase::kActive;
    const bool bound =
        up && std::ranges::any_of(other->unit->binds_to, [&](const std::string& bound_to) {
          return loader_.ResolveAlias(bound_to) == unit.name;
        });
    if (!bound) continue;
    host_.Log(LogLevel::kInfo, name + ": stopped with " + unit.name);
    other->stop_requested = true;
    if (other->phase != UnitPhase::kActive) {
      BeginStop(*other, now);
      continue;
    }
    Enter(*other, UnitPhase::kInactive, now, unit::kForever);
    AfterDown(*other, now);
  }
}

bool Supervisor::AllStopped() const {
  return std::ranges::all_of(runs_, [](const auto& entry) {
    const UnitPhase phase = entry.second->phase;
    return phase == UnitPhase::kInactive || phase == UnitPhase::kFailed;
  });
}

void Supervisor::RequestAction(unit::SystemAction action, const UnitRun& run) {
  if (action == unit::SystemAction::kNone || stopping_) return;
  host_.Log(LogLevel::kNotice, run.unit->name + ": ended, the whole system follows");
  // Later rows of the enumeration are not more urgent, but the first request stands.
  if (action_ == unit::SystemAction::kNone) action_ = action;
}

}  // namespace inro::guest
