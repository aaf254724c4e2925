// What a change of one unit means for others (systemd.unit(5)): OnFailure=, BindsTo=, Upholds=,
// StopWhenUnneeded=, SuccessAction= and their kin. All is queued, and submitted by Pump.
#include <algorithm>
#include <utility>

#include "guest/init/supervisor.h"

namespace inro::guest {

using unit::Unit;

void Supervisor::CameUp(UnitRun& run) {
  for (const std::string& name : run.unit->upholds) {
    const UnitRun* other = Find(loader_->ResolveAlias(name));
    if (other == nullptr || (other->IsDown() && !other->job)) {
      effects_.push_back({JobKind::kStart, name});
    }
  }
  if (run.unit->stop_when_unneeded) StopUnneeded(run);
}

void Supervisor::StartTriggered(const UnitRun& run, const std::vector<std::string>& names) {
  if (names.empty()) return;
  constexpr std::string_view kCodes[] = {"", "exited", "exited", "killed", "dumped"};
  unit::Environment monitor;
  monitor.push_back(fmt::format("MONITOR_SERVICE_RESULT={}", run.result));
  if (run.end != ProcessEnd::kNone) {
    const bool killed = run.end == ProcessEnd::kKilled || run.end == ProcessEnd::kDumped;
    monitor.push_back(
        fmt::format("MONITOR_EXIT_CODE={}", kCodes[static_cast<std::size_t>(run.end)]));
    monitor.push_back(killed
                          ? fmt::format("MONITOR_EXIT_STATUS={}", unit::SignalName(run.end_status))
                          : fmt::format("MONITOR_EXIT_STATUS={}", run.end_status));
  }
  monitor.push_back("MONITOR_UNIT=" + run.unit->name);
  for (const std::string& name : names) {
    effects_.push_back({JobKind::kStart, name, JobMode::kReplace, monitor});
  }
}

// Whether something that is up or about to be has pulled it in.
bool Supervisor::IsNeeded(const UnitRun& run) const {
  return std::ranges::any_of(runs_, [&](const auto& entry) {
    const UnitRun& other = *entry.second;
    const bool counts = !other.IsDown() || (other.job && other.job->kind != JobKind::kStop);
    if (!counts || &other == &run) return false;
    const Unit& unit = *other.unit;
    for (const auto* list :
         {&unit.requires_, &unit.wants, &unit.binds_to, &unit.requisite, &unit.upholds}) {
      if (NamesUnit(*list, run.unit->name)) return true;
    }
    return false;
  });
}

// Stops `run` if nobody needs it.
void Supervisor::StopUnneeded(const UnitRun& run) {
  const bool idle = run.unit->stop_when_unneeded && run.IsUp() && !run.job;
  if (idle && !IsNeeded(run)) effects_.push_back({JobKind::kStop, run.unit->name});
}

// A unit is down for good, well or not. What its job was, what it has asked for in that case, and
// who goes or comes with it.
void Supervisor::WentDown(UnitRun& run, Time now) {
  const Unit& unit = *run.unit;
  const bool by_job = run.job && run.job->running;
  run.monitor.clear();
  if (by_job) {
    PendingJob& job = *run.job;
    if (job.kind == JobKind::kStop) {
      FinishJob(run, JobOutcome::kDone);
    } else if (job.kind == JobKind::kRestart || job.kind == JobKind::kTryRestart) {
      ConvertToStart(run, now);
    } else if (std::exchange(job.after_stop, false)) {
      job.running = false;
      --running_jobs_;
      if (job.waits == 0) ready_.push_back(job.id);
    } else {
      FinishJob(run, run.failed ? JobOutcome::kFailed : JobOutcome::kDone);
    }
  }
  RequestAction(run.failed ? unit.failure_action : unit.success_action, run);
  if (stopping_) return;
  const bool restarts = run.phase == UnitPhase::kAutoRestart;
  if (!restarts) StartTriggered(run, run.failed ? unit.on_failure : unit.on_success);
  const auto stop_all = [&](const std::vector<UnitRun*>& others) {
    for (UnitRun* other : others) {
      if (other->IsDown() && !other->job) continue;
      if (other->job && other->job->kind == JobKind::kStop) continue;
      // A restart of both has its own plan.
      if (run.job && other->job) continue;
      host_.Log(LogLevel::kInfo, other->unit->name + ": stopped with " + unit.name);
      effects_.push_back({JobKind::kStop, other->unit->name});
    }
  };
  if (const auto found = bound_by_.find(unit.name); found != bound_by_.end()) {
    stop_all(found->second);
  }
  for (const std::string& name : unit.propagates_stop_to) {
    if (UnitRun* other = Find(loader_->ResolveAlias(name))) stop_all({other});
  }
  if (const auto found = upheld_by_.find(unit.name); found != upheld_by_.end() && !restarts) {
    const bool upheld = std::ranges::any_of(found->second, [](const UnitRun* other) {
      return other->IsUp() && !(other->job && other->job->kind == JobKind::kStop);
    });
    if (upheld && !run.job) effects_.push_back({JobKind::kStart, unit.name});
  }
  for (const auto* list : {&unit.requires_, &unit.wants, &unit.binds_to, &unit.upholds}) {
    for (const std::string& name : *list) {
      const UnitRun* other = Find(loader_->ResolveAlias(name));
      if (other != nullptr) StopUnneeded(*other);
    }
  }
}

void Supervisor::RequestAction(unit::SystemAction action, const UnitRun& run) {
  if (action == unit::SystemAction::kNone || stopping_) return;
  host_.Log(LogLevel::kNotice, run.unit->name + ": ended, the whole system follows");
  // Later rows of the enumeration are not more urgent, but the first request stands.
  if (action_ == unit::SystemAction::kNone) action_ = action;
}

}  // namespace inro::guest
