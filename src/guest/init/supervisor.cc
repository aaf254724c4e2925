#include "guest/init/supervisor.h"

#include <algorithm>
#include <utility>

namespace inro::guest {

using unit::Unit;

namespace {

// A group may run empty without a child of ours ending: looked at now and then.
constexpr Time kGroupCheck{50'000};

bool IsOfType(const UnitRun& run, unit::ServiceType type) {
  return run.unit->service->EffectiveType() == type;
}

}  // namespace

std::string_view ToString(UnitPhase phase) {
  constexpr std::string_view kNames[] = {
      "dead",         "condition", "start-pre", "start",       "start-post",    "running",
      "exited",       "reload",    "active",    "stop",        "stop-watchdog", "stop-sigterm",
      "stop-sigkill", "stop-post", "failed",    "auto-restart"};
  return kNames[static_cast<std::size_t>(phase)];
}

std::string_view ToString(JobOutcome outcome) {
  constexpr std::string_view kNames[] = {"pending",    "done",    "failed",  "canceled",
                                         "dependency", "timeout", "skipped", "unknown"};
  return kNames[static_cast<std::size_t>(outcome)];
}

void Supervisor::IndexUnit(UnitRun& run) {
  const Unit& unit = *run.unit;
  const auto add = [&](Mentions& mentions, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      auto& list = mentions[loader_->ResolveAlias(name)];
      // All names of one run come in a row.
      if (list.empty() || list.back() != &run) list.push_back(&run);
    }
  };
  add(required_by_, unit.requires_);
  add(required_by_, unit.requisite);
  add(bound_by_, unit.binds_to);
  add(part_of_, unit.part_of);
  add(part_of_, unit.stop_propagated_from);
  add(upheld_by_, unit.upholds);
  add(conflicted_by_, unit.conflicts);
  add(ordered_by_, unit.after);
  add(ordered_by_, unit.before);
}

std::vector<Supervisor::Mentions*> Supervisor::AllMentions() {
  return {&required_by_, &bound_by_, &part_of_, &upheld_by_, &conflicted_by_, &ordered_by_};
}

UnitRun& Supervisor::RunOf(Unit* unit) {
  auto& slot = runs_[unit->name];
  if (!slot) {
    slot = std::make_unique<UnitRun>();
    slot->unit = unit;
    IndexUnit(*slot);
  }
  return *slot;
}

const UnitRun* Supervisor::Find(std::string_view name) const {
  const auto found = runs_.find(name);
  return found == runs_.end() ? nullptr : found->second.get();
}

UnitRun* Supervisor::Find(std::string_view name) {
  return const_cast<UnitRun*>(std::as_const(*this).Find(name));
}

// Keeps the earliest of a run's deadlines in the set that NextDeadline reads.
void Supervisor::SetTimes(UnitRun& run) {
  Time next = std::min({run.deadline, run.runtime_deadline, run.watchdog_deadline});
  if (run.job) next = std::min(next, run.job->deadline);
  if (run.queued_deadline == next) return;
  if (run.queued_deadline != kNever) deadlines_.erase({run.queued_deadline, &run});
  run.queued_deadline = next;
  if (next != kNever) deadlines_.insert({next, &run});
}

void Supervisor::Enter(UnitRun& run, UnitPhase phase, Time now, unit::Microseconds timeout) {
  const bool was_up = run.IsUp();
  run.phase = phase;
  run.since = now;
  if (phase == UnitPhase::kCondition || phase == UnitPhase::kActive) run.started = now;
  if (run.IsUp() && !was_up) run.active = now;
  if (was_up && !run.IsUp()) run.stopping = now;
  if (run.IsDown()) {
    run.inactive = now;
    run.runtime_deadline = run.watchdog_deadline = kNever;
  }
  if (phase >= UnitPhase::kStop) run.watchdog_deadline = run.runtime_deadline = kNever;
  run.deadline = timeout == unit::kForever ? kNever : now + timeout;
  if (Watched(run)) {
    watched_.insert(&run);
  } else {
    watched_.erase(&run);
  }
  SetTimes(run);
  ++generation_;
  host_.UnitChanged(run);
}

// One form for all failures: the host's boot watch looks for it.
void Supervisor::LogFailure(const UnitRun& run) {
  host_.Log(LogLevel::kError, "failed unit " + run.unit->name + ": " + run.reason);
}

// Runs what can be run until nothing changes. Not recursive: what happens meanwhile only adds to
// the queues.
void Supervisor::Pump(Time now) {
  if (std::exchange(pumping_, true)) return;
  while (true) {
    if (!ready_.empty()) {
      const auto found = jobs_.find(ready_.front());
      ready_.pop_front();
      if (found == jobs_.end()) continue;
      const PendingJob& job = *found->second->job;
      if (!job.running && job.waits == 0) RunJob(*found->second, now);
    } else if (!effects_.empty()) {
      const Effect effect = std::move(effects_.front());
      effects_.pop_front();
      if (stopping_) continue;
      const auto id = Submit(effect.kind, effect.unit, effect.mode, now);
      if (!id) {
        host_.Log(LogLevel::kError, effect.unit + ": cannot be started: " + id.error().ToString());
      } else if (UnitRun* run = Find(loader_->ResolveAlias(effect.unit));
                 run != nullptr && !effect.monitor.empty()) {
        run->monitor = effect.monitor;
      }
    } else if (!idle_.empty() && jobs_.size() == idle_.size()) {
      UnitRun& run = *jobs_.at(*idle_.begin());
      idle_.erase(idle_.begin());
      run.job->deadline = kNever;
      Begin(run, now);
    } else if (!jobs_.empty() && running_jobs_ == 0) {
      // Jobs of several submissions wait for each other in a circle.
      UnitRun& run = *jobs_.begin()->second;
      host_.Log(LogLevel::kWarning,
                "ordering cycle: " + run.unit->name + " does not wait any longer, to break it");
      run.job->waits = 0;
      RunJob(run, now);
    } else {
      break;
    }
  }
  pumping_ = false;
  for (auto name = transient_.begin(); name != transient_.end();) {
    const auto found = runs_.find(*name);
    if (found != runs_.end() && (!found->second->IsDown() || found->second->job)) {
      ++name;
      continue;
    }
    if (found != runs_.end()) Drop(found);
    name = transient_.erase(name);
  }
}

void Supervisor::Drop(Runs::iterator found) {
  UnitRun* run = found->second.get();
  for (Mentions* mentions : AllMentions()) {
    for (auto entry = mentions->begin(); entry != mentions->end();) {
      std::erase(entry->second, run);
      entry = entry->second.empty() ? mentions->erase(entry) : std::next(entry);
    }
  }
  run->deadline = run->runtime_deadline = run->watchdog_deadline = kNever;
  run->job.reset();
  SetTimes(*run);
  watched_.erase(run);
  std::erase_if(processes_, [run](const auto& entry) { return entry.second == run; });
  const std::string name = found->first;
  runs_.erase(found);
  static_cast<void>(loader_->Take(name));
  ++generation_;
}

void Supervisor::OnExit(pid_t pid, int status, Time now) {
  const auto found = processes_.find(pid);
  if (found == processes_.end()) return;
  UnitRun& run = *found->second;
  processes_.erase(found);
  if (run.unit->kind == unit::UnitKind::kMount) {
    run.control_pid = 0;
    MountEnded(run, status, now);
  } else if (pid == run.control_pid) {
    run.control_pid = 0;
    ControlEnded(run, status, now);
  } else if (pid == run.bus_pid) {
    run.bus_pid = 0;
    BusNameFreed(run, status, now);
  } else if (pid == run.main_pid) {
    run.main_pid = 0;
    MainEnded(run, status, now);
  }
  Pump(now);
}

void Supervisor::OnNotify(pid_t sender, std::string_view group_unit, NotifyMessage message,
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
  const bool notify = type == ServiceType::kNotify || type == ServiceType::kNotifyReload;
  if (access == NotifyAccess::kUnset) {
    const bool speaks = notify || service.watchdog.count() > 0 || service.fd_store_max > 0;
    access = speaks ? NotifyAccess::kMain : NotifyAccess::kNone;
  }
  const bool allowed = access == NotifyAccess::kAll ||
                       (access != NotifyAccess::kNone && sender == run->main_pid) ||
                       (access == NotifyAccess::kExec && sender == run->control_pid);
  if (!allowed) return;
  ++generation_;
  Store(*run, message);
  if (message.status) run->status = message.status->substr(0, 256);
  if (message.main_pid && *message.main_pid > 1 && *message.main_pid != run->main_pid) {
    if (run->main_pid > 0) processes_.erase(run->main_pid);
    run->main_pid = *message.main_pid;
    processes_[run->main_pid] = run;
  }
  if (message.extend_timeout && run->deadline != kNever) {
    run->deadline = std::max(run->deadline, now + *message.extend_timeout);
  }
  if (message.watchdog_usec) run->watchdog = *message.watchdog_usec;
  if ((message.watchdog || message.watchdog_usec) && run->watchdog.count() > 0 && run->IsUp()) {
    run->watchdog_deadline = now + run->watchdog;
  }
  if (message.watchdog_trigger && run->IsUp()) run->watchdog_deadline = now;
  SetTimes(*run);
  if (message.reloading && run->phase == UnitPhase::kRunning) {
    Enter(*run, UnitPhase::kReload, now, service.start_timeout);
  }
  if (message.ready) {
    if (run->phase == UnitPhase::kReload && run->control_pid == 0 && !message.reloading) {
      EndReload(*run, JobOutcome::kDone, now);
    }
    if (!std::exchange(run->ready, true) && run->phase == UnitPhase::kStart && notify) {
      RunPhase(*run, UnitPhase::kStartPost, now);
    }
  }
  if (message.stopping && run->phase == UnitPhase::kRunning) {
    Enter(*run, UnitPhase::kStopSigterm, now, service.stop_timeout);
  }
  Pump(now);
}

// FDSTORE=1 and FDSTOREREMOVE=1: at most FileDescriptorStoreMax= of them; the rest is closed.
void Supervisor::Store(UnitRun& run, NotifyMessage& message) {
  if (message.store_remove && !message.store_name.empty()) {
    std::erase_if(run.store, [&](const auto& held) { return held.name == message.store_name; });
  }
  if (!message.store) return;
  const std::string name = message.store_name.empty() ? "stored" : message.store_name;
  for (UniqueFd& fd : message.descriptors) {
    if (run.store.size() >= run.unit->service->fd_store_max) {
      host_.Log(LogLevel::kWarning,
                run.unit->name + ": its store of descriptors is full (FileDescriptorStoreMax=)");
      return;
    }
    run.store.push_back({std::move(fd), name});
  }
}

bool Supervisor::Watched(const UnitRun& run) const {
  return run.phase == UnitPhase::kStopSigterm || run.phase == UnitPhase::kStopSigkill ||
         run.phase == UnitPhase::kStopWatchdog ||
         (run.phase == UnitPhase::kRunning && run.main_pid == 0) ||
         (run.phase == UnitPhase::kStart && run.unit->service &&
          (IsOfType(run, unit::ServiceType::kForking) || IsOfType(run, unit::ServiceType::kExec)));
}

Time Supervisor::NextDeadline() const {
  Time next = deadlines_.empty() ? kNever : deadlines_.begin()->first;
  if (!watched_.empty()) next = std::min(next, last_check_ + kGroupCheck);
  return next;
}

void Supervisor::OnTime(Time now) {
  last_check_ = now;
  const std::vector<UnitRun*> watched(watched_.begin(), watched_.end());
  for (UnitRun* run : watched) {
    if (run->IsStopping()) {
      CheckStopped(*run, now);
    } else if (run->phase == UnitPhase::kStart && run->control_pid == 0) {
      const bool up = run->main_pid == 0 ? AdoptMainProcess(*run)
                                         : IsOfType(*run, unit::ServiceType::kExec) &&
                                               host_.IsExecuted(run->main_pid);
      if (up) RunPhase(*run, UnitPhase::kStartPost, now);
    } else if (run->phase == UnitPhase::kRunning && run->main_pid == 0 &&
               host_.GroupIsEmpty(*run->unit)) {
      StopService(*run, now);
    }
  }
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    UnitRun& run = *deadlines_.begin()->second;
    Timeout(run, now);
    SetTimes(run);
    if (!deadlines_.empty() && deadlines_.begin()->second == &run &&
        deadlines_.begin()->first <= now) {
      break;  // it wants to be looked at again at once: in the next round
    }
  }
  Pump(now);
}

void Supervisor::FailUnit(std::string_view name, std::string_view result, std::string reason,
                          Time now) {
  UnitRun* run = Find(name);
  if (run == nullptr || run->phase != UnitPhase::kActive) return;
  host_.Deactivate(*run->unit);
  run->failed = true;
  run->result = result;
  run->reason = std::move(reason);
  Deactivated(*run, now);
  Pump(now);
}

void Supervisor::SetSub(std::string_view name, std::string_view sub) {
  UnitRun* run = Find(name);
  if (run == nullptr || run->sub == sub) return;
  run->sub = sub;
  ++generation_;
}

Result<> Supervisor::KillUnit(std::string_view name, KillWho who, int signal) {
  UnitRun* run = Find(loader_->ResolveAlias(name));
  if (run == nullptr || run->IsDown()) {
    return FailAs(ErrorKind::kNotFound, "{} has no processes", name);
  }
  if (who != KillWho::kControl && run->main_pid > 0) host_.Kill(run->main_pid, signal);
  if (who != KillWho::kMain && run->control_pid > 0) host_.Kill(run->control_pid, signal);
  if (who == KillWho::kAll) host_.KillGroup(*run->unit, signal, run->main_pid);
  return {};
}

Result<> Supervisor::ResetFailed(std::string_view name) {
  if (!name.empty() && Find(loader_->ResolveAlias(name)) == nullptr) {
    return FailAs(ErrorKind::kNotFound, "{} is not loaded", name);
  }
  const std::string real = name.empty() ? "" : loader_->ResolveAlias(name);
  for (auto& [unit, run] : runs_) {
    if (!real.empty() && unit != real) continue;
    run->limit_count = 0;
    if (run->phase != UnitPhase::kFailed) continue;
    run->failed = false;
    run->result = "success";
    run->reason.clear();
    run->phase = UnitPhase::kInactive;
    ++generation_;
    host_.UnitChanged(*run);
  }
  return {};
}

void Supervisor::Reload(std::unique_ptr<unit::Loader> fresh, Time now) {
  unit::Loader& old = *loader_;
  for (Mentions* mentions : AllMentions()) mentions->clear();
  std::vector<std::string> gone;
  for (auto& [name, run] : runs_) {
    Unit* unit = fresh->Load(name);
    const bool usable = unit != nullptr && unit->state == unit::LoadState::kLoaded &&
                        (unit->service != nullptr) == (run->unit->service != nullptr);
    if (usable || (run->IsDown() && !run->job && unit != nullptr)) {
      run->unit = unit;
      run->retired.reset();
    } else if (!run->retired) {
      run->retired = old.Take(name);
      run->unit = run->retired.get();
    }
    if (run->unit == nullptr) gone.push_back(name);
  }
  loader_ = fresh.get();
  for (const std::string& name : gone) Drop(runs_.find(name));
  for (auto& [name, run] : runs_) IndexUnit(*run);
  owned_loader_ = std::move(fresh);
  ++generation_;
  Pump(now);
}

void Supervisor::RequestStop(Time now) {
  if (std::exchange(stopping_, true)) return;
  effects_.clear();
  while (!jobs_.empty()) FinishJob(*jobs_.begin()->second, JobOutcome::kCanceled);
  std::vector<Unit*> active;
  for (auto& [name, run] : runs_) {
    run->stop_requested = true;
    if (run->phase == UnitPhase::kAutoRestart) {
      Enter(*run, UnitPhase::kInactive, now, unit::kForever);
    }
    if (!run->IsDown()) active.push_back(run->unit);
  }
  Plan plan;
  for (const unit::Job& job : unit::BuildStopOrder(*loader_, active)) {
    plan.push_back({Find(job.unit->name), JobKind::kStop, job.after, ""});
  }
  if (const auto done = Install(plan, JobMode::kReplace, now); !done) {
    host_.Log(LogLevel::kError, done.error().ToString());
  }
  Pump(now);
}

bool Supervisor::AllStopped() const {
  return std::ranges::all_of(runs_, [](const auto& entry) { return entry.second->IsDown(); });
}

}  // namespace inro::guest
