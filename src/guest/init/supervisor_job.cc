// Jobs: planned from a request, put in order, run one after the other; see job.h.
#include <algorithm>
#include <utility>

#include "guest/init/supervisor.h"

namespace inro::guest {

using unit::LoadState;
using unit::Unit;

namespace {

constexpr std::size_t kHistory = 512;

// A stop goes before a start of a unit that it is ordered to.
bool BeginsWithStop(JobKind kind) {
  return kind == JobKind::kStop || kind == JobKind::kRestart || kind == JobKind::kTryRestart;
}

bool IsStart(JobKind kind) { return kind == JobKind::kStart || kind == JobKind::kRestart; }

bool CanReload(const Unit& unit) {
  return unit.service && (!unit.service->reload.empty() ||
                          unit.service->EffectiveType() == unit::ServiceType::kNotifyReload);
}

// What one job does for both requests; nullopt when they ask for the contrary.
std::optional<JobKind> Merge(JobKind pending, JobKind asked) {
  if (pending == asked) return pending;
  if (pending == JobKind::kStop || asked == JobKind::kStop) return std::nullopt;
  if (pending == JobKind::kRestart || asked == JobKind::kRestart) return JobKind::kRestart;
  if (pending == JobKind::kReload) return JobKind::kReload;
  return JobKind::kStart;
}

}  // namespace

JobOutcome Supervisor::OutcomeOf(JobId id) const {
  if (jobs_.contains(id) || external_.contains(id)) return JobOutcome::kPending;
  for (const auto& [known, outcome] : history_) {
    if (known == id) return outcome;
  }
  return JobOutcome::kUnknown;
}

JobId Supervisor::Remember(JobId id, JobOutcome outcome) {
  history_.emplace_front(id, outcome);
  if (history_.size() > kHistory) history_.pop_back();
  return id;
}

bool Supervisor::NamesUnit(const std::vector<std::string>& names, const std::string& unit) const {
  return std::ranges::any_of(names, [&](const std::string& name) {
    return name == unit || loader_->ResolveAlias(name) == unit;
  });
}

bool Supervisor::ComesAfter(const UnitRun& one, const UnitRun& other) const {
  return NamesUnit(one.unit->after, other.unit->name) ||
         NamesUnit(other.unit->before, one.unit->name);
}

Result<> Supervisor::CheckManual(JobKind kind, std::string_view name, JobMode mode) {
  const Unit* unit = loader_->Load(name);
  if (unit == nullptr || unit->state != LoadState::kLoaded) return {};  // Submit says why
  const bool stops = kind == JobKind::kStop;
  if ((stops && unit->refuse_manual_stop) || (!stops && unit->refuse_manual_start)) {
    return FailAs(ErrorKind::kBadInput, "{} may be {} only by a dependency of another unit", name,
                  stops ? "stopped" : "started");
  }
  if (mode == JobMode::kIsolate && !unit->allow_isolate) {
    return FailAs(ErrorKind::kBadInput, "{} may not be isolated: its unit has no AllowIsolate=yes",
                  name);
  }
  return {};
}

Result<JobId> Supervisor::Submit(JobKind kind, std::string_view name, JobMode mode, Time now) {
  Unit* unit = loader_->Load(name);
  if (unit == nullptr) {
    return FailAs(ErrorKind::kNotFound, "{}: no such unit, or too many of them", name);
  }
  UnitRun* run = Find(unit->name);
  if (run != nullptr) unit = run->unit;
  if (kind == JobKind::kReloadOrRestart) {
    const bool reload = run != nullptr && run->IsUp() && CanReload(*unit);
    kind = reload ? JobKind::kReload : JobKind::kRestart;
  }
  const bool absent = unit->state == LoadState::kNotFound && (run == nullptr || run->IsDown());
  if (kind != JobKind::kStart && kind != JobKind::kRestart && absent) {
    return FailAs(ErrorKind::kNotFound, "{}: there is no such unit", name);
  }
  const bool down = run == nullptr || (run->IsDown() && !run->job);
  if (kind == JobKind::kTryRestart) {
    if (down) return Remember(++last_job_, JobOutcome::kDone);
    kind = JobKind::kRestart;
  }
  if (kind == JobKind::kReload) {
    if (run == nullptr || !run->IsUp()) {
      return FailAs(ErrorKind::kBadInput, "{} cannot be reloaded: it is not active", name);
    }
    if (!CanReload(*unit)) {
      return FailAs(ErrorKind::kBadInput, "{} cannot be reloaded: it has no ExecReload=", name);
    }
  }
  if (kind == JobKind::kStop && down) return Remember(++last_job_, JobOutcome::kDone);

  Plan plan;
  if (mode == JobMode::kIgnoreDependencies) {
    if (IsStart(kind) && unit->state != LoadState::kLoaded) {
      return FailAs(ErrorKind::kNotFound, "{} cannot be used: {}", name, unit->problem);
    }
    plan.push_back({&RunOf(unit), kind, {}, ""});
  } else if (kind == JobKind::kStart) {
    INRO_TRY(PlanStart(name, false, plan));
    if (mode == JobMode::kIsolate) PlanIsolation(plan);
  } else if (kind == JobKind::kStop) {
    PlanStops(*run, plan);
  } else if (kind == JobKind::kRestart) {
    INRO_TRY(PlanStart(name, false, plan));
    if (!down) PlanRestarts(*run, plan);
  } else {
    PlanReloads(*run, plan);
  }
  auto id = Install(plan, mode, now);
  if (id) Pump(now);
  return id;
}

Result<JobId> Supervisor::Boot(std::string_view name, Time now) {
  Plan plan;
  INRO_TRY(PlanStart(name, true, plan));
  auto id = Install(plan, JobMode::kReplace, now);
  if (id) Pump(now);
  return id;
}

void Supervisor::Start(const unit::Transaction& transaction, Time now) {
  Plan plan;
  for (const unit::Job& job : transaction.jobs) {
    plan.push_back({&RunOf(job.unit), JobKind::kStart, job.after, job.problem});
  }
  if (const auto id = Install(plan, JobMode::kReplace, now); !id) {
    host_.Log(LogLevel::kError, id.error().ToString());
  }
  Pump(now);
}

// The anchor need not be the first: its dependencies come before it.
Result<> Supervisor::PlanStart(std::string_view name, bool boot, Plan& plan) {
  unit::TransactionRules rules{boot, [this](const Unit& unit) {
                                 const UnitRun* run = Find(unit.name);
                                 return run != nullptr && run->IsUp() && !run->job;
                               }};
  const auto built = unit::BuildTransaction(*loader_, name, rules);
  if (!built) {
    // An absent unit is for who has asked alone; the rest is a fault of the units.
    if (built.error().kind() != ErrorKind::kNotFound) {
      host_.Log(LogLevel::kError, fmt::format("{}: {}", name, built.error().ToString()));
    }
    return std::unexpected(built.error());
  }
  const unit::Transaction& transaction = *built;
  for (const std::string& note : transaction.notes) host_.Log(LogLevel::kWarning, note);
  const std::string anchor = loader_->ResolveAlias(name);
  for (const unit::Job& job : transaction.jobs) {
    UnitRun& run = RunOf(job.unit);
    plan.push_back({&run, JobKind::kStart, job.after, job.problem, run.unit->name == anchor});
  }
  // Conflicts=, seen from either side, ends what runs.
  const std::size_t starts = plan.size();
  const auto stop = [&](UnitRun* other) {
    if (other == nullptr || (other->IsDown() && !other->job)) return;
    if (std::ranges::any_of(plan, [&](const Planned& row) { return row.run == other; })) return;
    PlanStops(*other, plan);
  };
  for (std::size_t i = 0; i < starts; ++i) {
    const UnitRun& run = *plan[i].run;
    if (run.IsUp() && run.unit->name != anchor) continue;
    for (const std::string& enemy : run.unit->conflicts) {
      stop(Find(loader_->ResolveAlias(enemy)));
    }
    if (const auto found = conflicted_by_.find(run.unit->name); found != conflicted_by_.end()) {
      for (UnitRun* other : std::vector<UnitRun*>(found->second)) stop(other);
    }
  }
  return {};
}

// A unit, and all that cannot be without it. Breadth first: the depth is the units' to choose.
void Supervisor::PlanStops(UnitRun& run, Plan& plan) {
  const auto planned = [&](const UnitRun* other) {
    return std::ranges::any_of(plan, [&](const Planned& row) { return row.run == other; });
  };
  if (planned(&run)) return;
  std::deque<UnitRun*> open{&run};
  plan.push_back({&run, JobKind::kStop, {}, ""});
  while (!open.empty()) {
    const UnitRun& next = *open.front();
    open.pop_front();
    const auto add = [&](UnitRun* other) {
      if (other == nullptr || (other->IsDown() && !other->job) || planned(other)) return;
      plan.push_back({other, JobKind::kStop, {}, ""});
      open.push_back(other);
    };
    for (const Mentions* mentions : {&required_by_, &bound_by_, &part_of_}) {
      const auto found = mentions->find(next.unit->name);
      if (found == mentions->end()) continue;
      for (UnitRun* other : found->second) add(other);
    }
    for (const std::string& name : next.unit->propagates_stop_to) {
      add(Find(loader_->ResolveAlias(name)));
    }
  }
}

// What would be stopped with a unit is restarted with it, when it runs.
void Supervisor::PlanRestarts(UnitRun& run, Plan& plan) {
  Plan stops;
  PlanStops(run, stops);
  for (const Planned& stop : stops) {
    const bool wanted = stop.run == &run || !stop.run->IsDown();
    if (!wanted) continue;
    const auto same =
        std::ranges::find_if(plan, [&](const Planned& row) { return row.run == stop.run; });
    if (same != plan.end()) {
      same->kind = JobKind::kRestart;
    } else {
      plan.push_back({stop.run, JobKind::kRestart, {}, ""});
    }
  }
}

void Supervisor::PlanReloads(UnitRun& run, Plan& plan) {
  plan.push_back({&run, JobKind::kReload, {}, ""});
  const auto add = [&](UnitRun* other) {
    if (other == nullptr || !other->IsUp() || !CanReload(*other->unit)) return;
    if (std::ranges::any_of(plan, [&](const Planned& row) { return row.run == other; })) return;
    plan.push_back({other, JobKind::kReload, {}, ""});
  };
  for (const std::string& name : run.unit->propagates_reload_to) {
    add(Find(loader_->ResolveAlias(name)));
  }
  for (auto& [name, other] : runs_) {
    if (NamesUnit(other->unit->reload_propagated_from, run.unit->name)) add(other.get());
  }
}

void Supervisor::PlanIsolation(Plan& plan) {
  for (auto& [name, run] : runs_) {
    if (run->IsDown() && !run->job) continue;
    if (run->unit->ignore_on_isolate) continue;
    const bool kept = std::ranges::any_of(plan, [&](const Planned& row) {
      return row.run == run.get() && row.kind != JobKind::kStop;
    });
    if (!kept) PlanStops(*run, plan);
  }
}

// Makes the jobs of a plan; gives that of its anchor, or of its first row.
Result<JobId> Supervisor::Install(Plan& plan, JobMode mode, Time now) {
  if (plan.empty()) return Remember(++last_job_, JobOutcome::kDone);
  if (mode == JobMode::kFail) {
    for (const Planned& row : plan) {
      if (row.run->job && !Merge(row.run->job->kind, row.kind)) {
        return inro::Fail("{} has a job that asks for the contrary", row.run->unit->name);
      }
    }
  }
  std::vector<JobId> ids(plan.size(), 0);
  std::set<JobId> fresh;
  for (std::size_t i = 0; i < plan.size(); ++i) {
    UnitRun& run = *plan[i].run;
    if (run.job) {
      if (const auto kind = Merge(run.job->kind, plan[i].kind)) {
        // A start that is under way and is to be a restart begins again.
        if (*kind != run.job->kind && run.job->running) {
          FinishJob(run, JobOutcome::kCanceled);
        } else {
          run.job->kind = *kind;
          ids[i] = run.job->id;
          continue;
        }
      } else {
        FinishJob(run, JobOutcome::kCanceled);
      }
    }
    const bool nothing = plan[i].kind == JobKind::kStart && run.IsUp();
    if (nothing) {
      ids[i] = Remember(++last_job_, JobOutcome::kDone);
      continue;
    }
    run.job = std::make_unique<PendingJob>();
    run.job->id = ids[i] = ++last_job_;
    run.job->kind = plan[i].kind;
    run.job->problem = plan[i].problem;
    if (run.unit->job_timeout != unit::kForever) run.job->deadline = now + run.unit->job_timeout;
    jobs_[run.job->id] = &run;
    fresh.insert(run.job->id);
    SetTimes(run);
    ++generation_;
  }
  // The transaction has put its own rows in order; what was there before is compared one by one.
  const bool in_order =
      std::ranges::any_of(plan, [](const Planned& p) { return !p.after.empty(); });
  std::set<JobId> ordered;
  for (std::size_t i = 0; i < plan.size(); ++i) {
    if (!in_order || !fresh.contains(ids[i]) || BeginsWithStop(plan[i].kind) != stopping_) continue;
    ordered.insert(ids[i]);
    for (const std::size_t other : plan[i].after) {
      if (jobs_.contains(ids[other]) && plan[other].run != plan[i].run) {
        AddEdge(*plan[other].run, *plan[i].run);
      }
    }
  }
  for (const JobId id : fresh) OrderJob(*jobs_.at(id), ordered);
  for (const JobId id : fresh) {
    if (jobs_.at(id)->job->waits == 0) ready_.push_back(id);
  }
  const auto anchor = std::ranges::find_if(plan, &Planned::anchor);
  return ids[anchor == plan.end() ? 0 : static_cast<std::size_t>(anchor - plan.begin())];
}

void Supervisor::AddEdge(UnitRun& before, UnitRun& after) {
  before.job->unlocks.push_back(after.job->id);
  ++after.job->waits;
}

// Other runs with jobs that Before= or After= of either mentions. Found by name, so that a start of
// many units costs what their orderings are, not all pairs of them.
std::vector<UnitRun*> Supervisor::Neighbours(const UnitRun& run) const {
  std::vector<UnitRun*> result;
  const auto add = [&](UnitRun* other) {
    if (other != &run && other->job) result.push_back(other);
  };
  for (const auto* list : {&run.unit->after, &run.unit->before}) {
    for (const std::string& name : *list) {
      const auto found = runs_.find(loader_->ResolveAlias(name));
      if (found != runs_.end()) add(found->second.get());
    }
  }
  if (const auto found = ordered_by_.find(run.unit->name); found != ordered_by_.end()) {
    for (UnitRun* other : found->second) add(other);
  }
  std::ranges::sort(result, {}, [](const UnitRun* other) { return other->job->id; });
  const auto same = std::ranges::unique(result);
  result.erase(same.begin(), same.end());
  return result;
}

// Puts a new job in order with the others, but for pairs of `ordered`.
void Supervisor::OrderJob(UnitRun& run, const std::set<JobId>& ordered) {
  const PendingJob& job = *run.job;
  const bool own = ordered.contains(job.id);
  const bool stop = BeginsWithStop(job.kind);
  for (UnitRun* other : Neighbours(run)) {
    const JobId id = other->job->id;
    if (own && ordered.contains(id)) continue;
    // A pair of new jobs is looked at once.
    if (id > job.id) continue;
    const bool other_stop = BeginsWithStop(other->job->kind);
    const bool after = ComesAfter(run, *other);
    const bool before = !after && ComesAfter(*other, run);
    if (!after && !before) continue;
    // Who waits: stops go in reverse order; a start waits for a stop.
    const bool run_waits = stop != other_stop ? other_stop : stop ? before : after;
    if (run_waits) {
      AddEdge(*other, run);
    } else if (!other->job->running) {
      AddEdge(run, *other);
    }
  }
}

bool Supervisor::NeedsHold(UnitRun& run, Time) {
  const auto lacking = [&](const std::string& name) {
    const UnitRun* other = Find(loader_->ResolveAlias(name));
    return other == nullptr || !other->IsUp();
  };
  std::string problem = run.job->problem;
  for (const std::string& name : run.unit->requisite) {
    if (problem.empty() && lacking(name)) problem = "it needs " + name + ", which is not active";
  }
  for (const std::string& name : run.unit->binds_to) {
    const bool ordered = NamesUnit(run.unit->after, loader_->ResolveAlias(name));
    if (problem.empty() && ordered && lacking(name)) {
      problem = "it is bound to " + name + ", which is not active";
    }
  }
  if (problem.empty()) return true;
  run.reason = std::move(problem);
  return false;
}

void Supervisor::RunJob(UnitRun& run, Time now) {
  PendingJob& job = *run.job;
  // Type=idle waits for the others, for some time.
  const bool idle = run.unit->service && job.kind == JobKind::kStart &&
                    run.unit->service->EffectiveType() == unit::ServiceType::kIdle;
  constexpr Time kIdleWait{5'000'000};
  if (idle && jobs_.size() > 1 && run.IsDown()) {
    if (job.deadline == kNever) {
      job.deadline = now + kIdleWait;
      idle_.insert(job.id);
      ++running_jobs_;
      job.running = true;
      SetTimes(run);
    }
    return;
  }
  if (!std::exchange(job.running, true)) ++running_jobs_;
  if (run.unit->job_running_timeout != unit::kForever) {
    job.deadline = std::min(job.deadline, now + run.unit->job_running_timeout);
    SetTimes(run);
  }
  switch (job.kind) {
    case JobKind::kStart:
      if (run.IsUp()) return FinishJob(run, JobOutcome::kDone);
      if (run.IsStarting()) return;
      if (run.IsStopping()) {
        job.after_stop = true;
        return;
      }
      if (!NeedsHold(run, now)) {
        LogFailure(run);
        return FinishJob(run, JobOutcome::kDependency);
      }
      return Begin(run, now);
    case JobKind::kStop:
    case JobKind::kRestart:
    case JobKind::kTryRestart:
      run.stop_requested = true;
      if (run.phase == UnitPhase::kAutoRestart) {
        Enter(run, run.failed ? UnitPhase::kFailed : UnitPhase::kInactive, now, unit::kForever);
      }
      if (run.IsDown()) {
        if (job.kind != JobKind::kStop) return ConvertToStart(run, now);
        return FinishJob(run, JobOutcome::kDone);
      }
      return BeginStop(run, now);
    case JobKind::kReload:
    case JobKind::kReloadOrRestart:
      if (!run.IsUp()) return FinishJob(run, JobOutcome::kFailed);
      return BeginReload(run, now);
  }
}

void Supervisor::ReleaseWaiting(PendingJob& job) {
  for (const JobId id : std::exchange(job.unlocks, {})) {
    const auto found = jobs_.find(id);
    if (found == jobs_.end()) continue;
    PendingJob& other = *found->second->job;
    if (other.waits > 0 && --other.waits == 0) ready_.push_back(id);
  }
}

// The stop of a restart is done: what waited for it goes on, and the start finds its own place.
void Supervisor::ConvertToStart(UnitRun& run, Time) {
  PendingJob& job = *run.job;
  job.kind = JobKind::kStart;
  if (std::exchange(job.running, false)) --running_jobs_;
  run.stop_requested = false;
  ReleaseWaiting(job);
  for (UnitRun* other : Neighbours(run)) {
    const JobId id = other->job->id;
    const bool stop = BeginsWithStop(other->job->kind);
    const bool after = ComesAfter(run, *other);
    const bool waits = stop ? after || ComesAfter(*other, run) : after;
    // One that waits for us already must not be waited for.
    const bool circle = std::ranges::find(job.unlocks, id) != job.unlocks.end();
    if (waits && !circle) {
      AddEdge(*other, run);
    } else if (!stop && !other->job->running && ComesAfter(*other, run)) {
      AddEdge(run, *other);  // what has waited for the stop waits for the start too
    }
  }
  if (job.waits == 0) ready_.push_back(job.id);
}

void Supervisor::FinishJob(UnitRun& run, JobOutcome outcome) {
  if (!run.job) return;
  const std::unique_ptr<PendingJob> job = std::move(run.job);
  jobs_.erase(job->id);
  idle_.erase(job->id);
  if (job->running) --running_jobs_;
  SetTimes(run);
  Remember(job->id, outcome);
  ++generation_;
  ReleaseWaiting(*job);
  const bool start = IsStart(job->kind);
  const bool good = outcome == JobOutcome::kDone || outcome == JobOutcome::kSkipped;
  if (!start || good || stopping_) return;
  // What requires it, and has not begun, fails with it.
  for (const Mentions* mentions : {&required_by_, &bound_by_}) {
    const auto found = mentions->find(run.unit->name);
    if (found == mentions->end()) continue;
    for (UnitRun* other : std::vector<UnitRun*>(found->second)) {
      if (!other->job || other->job->running || !IsStart(other->job->kind)) continue;
      other->reason = "dependency " + run.unit->name + " failed";
      LogFailure(*other);
      FinishJob(*other, JobOutcome::kDependency);
    }
  }
}

void Supervisor::JobTimedOut(UnitRun& run, Time now) {
  PendingJob& job = *run.job;
  job.deadline = kNever;
  SetTimes(run);
  if (idle_.erase(job.id) > 0) return Begin(run, now);
  host_.Log(LogLevel::kWarning, run.unit->name + ": its job has run out of time");
  const unit::SystemAction action = run.unit->job_timeout_action;
  // The job ends, the unit goes on with what it does (systemd.unit(5), "JobTimeoutSec=").
  FinishJob(run, JobOutcome::kTimeout);
  RequestAction(action, run);
}

}  // namespace inro::guest
