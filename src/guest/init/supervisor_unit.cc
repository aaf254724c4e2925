// Starting and stopping a unit of any kind; services go on in supervisor_service.cc.
#include <sys/wait.h>

#include <utility>

#include "guest/init/supervisor.h"

namespace inro::guest {

using unit::Unit;
using unit::UnitKind;

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
      run.reason = "condition failed: " + condition.value;
      return false;
    }
  }
  if (any_trigger && !trigger_held) {
    run.reason = "no triggering condition holds";
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

// It does not even begin.
void Supervisor::Refuse(UnitRun& run, std::string_view result, std::string reason, Time now) {
  run.failed = true;
  run.result = result;
  run.reason = std::move(reason);
  Enter(run, UnitPhase::kFailed, now, unit::kForever);
  LogFailure(run);
  FinishJob(run, JobOutcome::kFailed);
  WentDown(run, now);
}

void Supervisor::Begin(UnitRun& run, Time now) {
  const Unit& unit = *run.unit;
  run.failed = false;
  run.stop_requested = false;
  run.ready = false;
  run.bus_name_lost = false;
  run.end = ProcessEnd::kNone;
  run.end_status = 0;
  run.result = "success";
  run.reason.clear();
  run.status.clear();
  run.sub = {};
  run.condition_held = true;
  if (unit.state != unit::LoadState::kLoaded || !unit.problem.empty()) {
    return Refuse(run, "resources", unit.problem.empty() ? "it cannot be used" : unit.problem, now);
  }
  if (!ConditionsHold(run)) {
    run.condition_held = false;
    if (run.failed) {
      // An assertion fails the job; the unit itself stays inactive.
      run.failed = false;
      LogFailure(run);
      return FinishJob(run, JobOutcome::kFailed);
    }
    host_.Log(LogLevel::kInfo, unit.name + ": skipped: " + run.reason);
    return FinishJob(run, JobOutcome::kSkipped);
  }
  // What was skipped does not count, as in systemd: targets pull it in again and again. A socket
  // that triggers such a service has a limit of its own.
  if (unit.kind == UnitKind::kService && !WithinStartLimit(run, now)) {
    RequestAction(unit.start_limit.action, run);
    return Refuse(run, "start-limit-hit", "started too often (StartLimitBurst=)", now);
  }
  switch (unit.kind) {
    case UnitKind::kService:
      run.watchdog = unit.service->watchdog;
      return RunPhase(run, UnitPhase::kCondition, now);
    case UnitKind::kMount: {
      const auto pid = host_.Mount(unit);
      if (!pid) return Refuse(run, "resources", pid.error().ToString(), now);
      if (*pid == 0) return Activated(run, now);
      run.control_pid = *pid;
      processes_[*pid] = &run;
      return Enter(run, UnitPhase::kStart, now, unit.mount->timeout);
    }
    case UnitKind::kSocket:
    case UnitKind::kTimer:
      if (unit.socket && !unit.socket->start_pre.empty()) {
        return RunPhase(run, UnitPhase::kStartPre, now);
      }
      return Listen(run, now);
    case UnitKind::kTarget:
    case UnitKind::kSlice:
      return Activated(run, now);
    default:
      return Refuse(run, "resources", "this init does not run units of this kind", now);
  }
}

void Supervisor::Listen(UnitRun& run, Time now) {
  for (const std::string& name : run.unit->triggers) {
    // Of a template there is nothing to load: its file counts.
    const unit::Unit* service = unit::IsTemplate(name) ? nullptr : loader_->Load(name);
    const bool usable = service != nullptr ? service->state == unit::LoadState::kLoaded
                                           : !loader_->FragmentPaths(name).empty();
    if (!usable) {
      return Refuse(run, "resources", name + ", which it would start, cannot be used", now);
    }
  }
  if (const auto done = host_.Activate(*run.unit); !done) {
    // As in systemd, where a process looks the owner up.
    const bool owner = done.error().kind() == ErrorKind::kBadInput;
    return Refuse(run, owner ? "exit-code" : "resources", done.error().ToString(), now);
  }
  if (run.unit->socket && !run.unit->socket->start_post.empty()) {
    return RunPhase(run, UnitPhase::kStartPost, now);
  }
  Activated(run, now);
}

// A unit that has no process is up.
void Supervisor::Activated(UnitRun& run, Time now) {
  const Unit& unit = *run.unit;
  Enter(run, UnitPhase::kActive, now, unit::kForever);
  if (unit.kind == UnitKind::kTarget) {
    // The host's boot watch waits for this line of the target that ends the boot.
    const bool last = unit.name == "kata-containers.target";
    host_.Log(last ? LogLevel::kNotice : LogLevel::kInfo, "reached " + unit.name);
  } else if (unit.kind != UnitKind::kSlice) {
    host_.Log(LogLevel::kInfo, unit.name + ": started");
  }
  FinishJob(run, JobOutcome::kDone);
  CameUp(run);
}

void Supervisor::BeginStop(UnitRun& run, Time now) {
  const Unit& unit = *run.unit;
  switch (unit.kind) {
    case UnitKind::kService:
      return StopService(run, now);
    case UnitKind::kMount: {
      if (run.phase == UnitPhase::kStart || run.phase == UnitPhase::kStop) return;  // on its way
      const auto pid = host_.Unmount(unit);
      if (pid && *pid == 0) return Deactivated(run, now);
      if (!pid) {
        run.failed = true;
        run.result = "resources";
        run.reason = pid.error().ToString();
        return Deactivated(run, now);
      }
      run.control_pid = *pid;
      processes_[*pid] = &run;
      return Enter(run, UnitPhase::kStop, now, unit.mount->timeout);
    }
    case UnitKind::kSocket:
    case UnitKind::kTimer:
      if (run.IsStopping()) return;
      if (run.control_pid > 0) host_.Kill(run.control_pid, SIGTERM);
      if (unit.socket && !unit.socket->stop_pre.empty()) {
        return RunPhase(run, UnitPhase::kStop, now);
      }
      return CloseSocket(run, now);
    default:
      return Deactivated(run, now);
  }
}

void Supervisor::CloseSocket(UnitRun& run, Time now) {
  host_.Deactivate(*run.unit);
  if (run.unit->socket && !run.unit->socket->stop_post.empty() && !stopping_) {
    return RunPhase(run, UnitPhase::kStopPost, now);
  }
  Deactivated(run, now);
}

// A unit that has no process is down.
void Supervisor::Deactivated(UnitRun& run, Time now) {
  run.sub = {};
  Enter(run, run.failed ? UnitPhase::kFailed : UnitPhase::kInactive, now, unit::kForever);
  if (run.failed) LogFailure(run);
  WentDown(run, now);
}

void Supervisor::MountEnded(UnitRun& run, int status, Time now) {
  const bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (run.phase == UnitPhase::kStart) {
    if (good && !run.stop_requested) return Activated(run, now);
    if (good) {
      Enter(run, UnitPhase::kActive, now, unit::kForever);
      return BeginStop(run, now);
    }
    return Refuse(run, "exit-code", "the mount failed", now);
  }
  if (!good) {
    // It is still there: the unit stays up, as the mount does.
    host_.Log(LogLevel::kError, run.unit->name + ": cannot be unmounted");
    Enter(run, UnitPhase::kActive, now, unit::kForever);
    return FinishJob(run, JobOutcome::kFailed);
  }
  Deactivated(run, now);
}

void Supervisor::Timeout(UnitRun& run, Time now) {
  if (run.job && now >= run.job->deadline) return JobTimedOut(run, now);
  if (run.unit->service || run.unit->socket) return ServiceTimeout(run, now);
  if (now < run.deadline) return;
  run.deadline = kNever;
  SetTimes(run);
  if (run.control_pid > 0) host_.Kill(run.control_pid, SIGKILL);  // its end decides
}

}  // namespace inro::guest
