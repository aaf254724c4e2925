// Runs units: takes jobs, watches services, restarts and stops them. Pure logic over a ServiceHost:
// it is told what happened (a process ended, a message came, time passed) and never waits. Jobs and
// their order are described in job.h.
//
// States of a unit, and of a service in particular:
//
//   inactive -> condition -> start-pre -> start -> start-post -> running | exited
//   running -> reload -> running
//   running | exited -> stop -> stop-sigterm -> stop-sigkill -> stop-post -> inactive | failed
//   running -> stop-watchdog (SIGABRT) -> stop-sigkill -> stop-post -> failed
//   any start state -> stop-sigterm (on failure) -> ... -> failed
//   inactive | failed -> auto-restart -> condition (Restart=)
//   targets, slices, sockets and timers: inactive -> active -> inactive
//   mounts: inactive -> start (a child mounts) -> active -> stop (a child unmounts) -> inactive
//
// Invariants: a unit has at most one main process, one control process and one job; a job is over
// exactly once; in every state but running, exited, active, inactive and failed there is either a
// process to wait for or a deadline; after RequestStop nothing is started but stop commands.
// What one unit's change means for others (OnFailure=, BindsTo=, Upholds=, ...) is put in a queue
// and submitted as jobs once the change is complete: no state changes from inside another's change.
#pragma once

#include <sys/types.h>

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "guest/init/service_host.h"
#include "guest/init/unit_run.h"
#include "unit/transaction.h"

namespace inro::guest {

class Supervisor {
 public:
  using Runs = std::map<std::string, std::unique_ptr<UnitRun>, std::less<>>;

  // `loader` outlives this, until Reload() gives another one.
  Supervisor(ServiceHost& host, unit::Loader& loader) : host_(host), loader_(&loader) {}

  // --- Jobs (supervisor_job.cc).
  // Errors: kNotFound for a unit that does not exist, is masked or cannot be used; kFailed when the
  // mode forbids it.
  Result<JobId> Submit(JobKind kind, std::string_view name, JobMode mode, Time now);
  // Starts what the machine boots into: like a start, but a cycle of what that requires is broken.
  Result<JobId> Boot(std::string_view name, Time now);
  // What became of it; of the last few hundred.
  JobOutcome OutcomeOf(JobId id) const;
  // Whether a person may ask for this (RefuseManualStart=, AllowIsolate=).
  Result<> CheckManual(JobKind kind, std::string_view name, JobMode mode);
  // Starts the jobs of a transaction that was made elsewhere.
  void Start(const unit::Transaction& transaction, Time now);
  std::size_t pending_jobs() const { return jobs_.size(); }
  // A number for work that is not done here, so that it can be waited for like a job.
  JobId BeginExternalJob() { return *external_.insert(++last_job_).first; }
  void EndExternalJob(JobId id) {
    if (external_.erase(id) > 0) Remember(id, JobOutcome::kDone);
  }

  // --- What happened (supervisor.cc).
  // A child ended; `status` as from waitpid(2). Unknown children are nobody's: orphans.
  void OnExit(pid_t pid, int status, Time now);
  // A message came from process `sender`; `group_unit` is the unit of its control group, if any.
  void OnNotify(pid_t sender, std::string_view group_unit, NotifyMessage message, Time now);
  // Deadlines that have passed, and groups that have run empty.
  void OnTime(Time now);
  // The next time OnTime has something to do.
  Time NextDeadline() const;
  // A socket or timer unit has failed by itself, for example by TriggerLimitBurst=.
  void FailUnit(std::string_view name, std::string_view result, std::string reason, Time now);
  // Of sockets and timers: "listening", "running", "waiting", "elapsed". A literal.
  void SetSub(std::string_view name, std::string_view sub);

  enum class KillWho { kAll, kMain, kControl };
  Result<> KillUnit(std::string_view name, KillWho who, int signal);
  // Failed units become inactive; an empty name: all of them.
  Result<> ResetFailed(std::string_view name);
  // daemon-reload: `fresh` has read the disk anew; what runs goes on.
  void Reload(std::unique_ptr<unit::Loader> fresh, Time now);
  // An instance that will not come again: forgotten once it is down.
  void ForgetWhenDown(std::string_view name) { transient_.emplace(name); }

  // Stops all units in reverse order. AllStopped() tells when that is done.
  void RequestStop(Time now);
  bool AllStopped() const;
  bool stopping() const { return stopping_; }

  // What a unit's SuccessAction= or FailureAction= has asked for; the first stands.
  unit::SystemAction requested_action() const { return action_; }

  const Runs& runs() const { return runs_; }
  const UnitRun* Find(std::string_view name) const;
  UnitRun* Find(std::string_view name);
  unit::Loader& loader() { return *loader_; }
  // Counts up whenever something in runs() changed that others may want to see.
  std::uint64_t generation() const { return generation_; }

 private:
  UnitRun& RunOf(unit::Unit* unit);
  void IndexUnit(UnitRun& run);
  void Drop(Runs::iterator found);
  void Enter(UnitRun& run, UnitPhase phase, Time now, unit::Microseconds timeout);
  void SetTimes(UnitRun& run);
  void LogFailure(const UnitRun& run);
  void Pump(Time now);

  // Jobs.
  struct Planned {
    UnitRun* run;
    JobKind kind;
    std::vector<std::size_t> after;  // indices in the plan
    std::string problem;
    bool anchor = false;  // what was asked for
  };
  using Plan = std::vector<Planned>;
  Result<> PlanStart(std::string_view name, bool boot, Plan& plan);
  void PlanStops(UnitRun& run, Plan& plan);
  void PlanRestarts(UnitRun& run, Plan& plan);
  void PlanReloads(UnitRun& run, Plan& plan);
  void PlanIsolation(Plan& plan);
  Result<JobId> Install(Plan& plan, JobMode mode, Time now);
  void OrderJob(UnitRun& run, const std::set<JobId>& ordered);
  std::vector<UnitRun*> Neighbours(const UnitRun& run) const;
  void AddEdge(UnitRun& before, UnitRun& after);
  bool ComesAfter(const UnitRun& one, const UnitRun& other) const;
  void RunJob(UnitRun& run, Time now);
  bool NeedsHold(UnitRun& run, Time now);
  void FinishJob(UnitRun& run, JobOutcome outcome);
  void ReleaseWaiting(PendingJob& job);
  void ConvertToStart(UnitRun& run, Time now);
  void JobTimedOut(UnitRun& run, Time now);
  JobId Remember(JobId id, JobOutcome outcome);
  bool NamesUnit(const std::vector<std::string>& names, const std::string& unit) const;

  // What a change of a unit means for others (supervisor_effects.cc).
  struct Effect {
    JobKind kind;
    std::string unit;
    JobMode mode = JobMode::kReplace;
    unit::Environment monitor = {};
  };
  void CameUp(UnitRun& run);
  void WentDown(UnitRun& run, Time now);
  void StartTriggered(const UnitRun& run, const std::vector<std::string>& names);
  void StopUnneeded(const UnitRun& run);
  bool IsNeeded(const UnitRun& run) const;
  void RequestAction(unit::SystemAction action, const UnitRun& run);

  // Starting and stopping any unit (supervisor_unit.cc).
  bool ConditionsHold(UnitRun& run);
  bool WithinStartLimit(UnitRun& run, Time now);
  void Begin(UnitRun& run, Time now);
  void BeginStop(UnitRun& run, Time now);
  void Listen(UnitRun& run, Time now);
  void CloseSocket(UnitRun& run, Time now);
  void Activated(UnitRun& run, Time now);
  void Deactivated(UnitRun& run, Time now);
  void Refuse(UnitRun& run, std::string_view result, std::string reason, Time now);
  void MountEnded(UnitRun& run, int status, Time now);
  void Timeout(UnitRun& run, Time now);

  // Services (supervisor_service.cc, supervisor_bus.cc, supervisor_stop.cc).
  void RunPhase(UnitRun& run, UnitPhase phase, Time now);
  void RunCommands(UnitRun& run, Time now);
  const std::vector<unit::Command>& CommandsOf(const UnitRun& run) const;
  LaunchOptions OptionsFor(const UnitRun& run, std::string& status) const;
  void PhaseDone(UnitRun& run, Time now);
  void LaunchMain(UnitRun& run, Time now);
  void LaunchFailed(UnitRun& run, const Error& error, Time now);
  void WaitForBusName(UnitRun& run, Time now);
  void WatchBusName(UnitRun& run);
  void BusNameFreed(UnitRun& run, int status, Time now);
  void EndBusWatch(UnitRun& run);
  bool AdoptMainProcess(UnitRun& run);
  void EnterUp(UnitRun& run, Time now);
  void ControlEnded(UnitRun& run, int status, Time now);
  void MainEnded(UnitRun& run, int status, Time now);
  void BeginReload(UnitRun& run, Time now);
  void EndReload(UnitRun& run, JobOutcome outcome, Time now);
  void Fail(UnitRun& run, std::string_view result, std::string reason, Time now);
  void StopService(UnitRun& run, Time now);
  void SignalPhase(UnitRun& run, UnitPhase phase, Time now);
  bool StillAlive(const UnitRun& run) const;
  void CheckStopped(UnitRun& run, Time now);
  void LetGo(UnitRun& run);  // its processes are no longer waited for
  void Down(UnitRun& run, Time now);
  bool ShouldRestart(const UnitRun& run) const;
  void ServiceTimeout(UnitRun& run, Time now);
  bool Watched(const UnitRun& run) const;
  void Store(UnitRun& run, NotifyMessage& message);

  ServiceHost& host_;
  unit::Loader* loader_;
  std::unique_ptr<unit::Loader> owned_loader_;
  Runs runs_;
  std::map<pid_t, UnitRun*> processes_;
  std::map<JobId, UnitRun*> jobs_;
  std::deque<JobId> ready_;
  std::set<JobId> idle_;  // of Type=idle: wait until there is nothing else to do
  std::deque<std::pair<JobId, JobOutcome>> history_;
  std::deque<Effect> effects_;
  // By the name of a unit: the runs whose units mention it in the list of that name.
  using Mentions = std::map<std::string, std::vector<UnitRun*>, std::less<>>;
  Mentions required_by_, bound_by_, part_of_, upheld_by_, conflicted_by_, ordered_by_;
  std::vector<Mentions*> AllMentions();
  std::set<std::pair<Time, UnitRun*>> deadlines_;
  std::set<UnitRun*> watched_;  // whose group is looked at now and then
  std::set<std::string, std::less<>> transient_;
  std::set<JobId> external_;
  JobId last_job_ = 0;
  std::size_t running_jobs_ = 0;
  Time last_check_{0};
  bool stopping_ = false;
  bool pumping_ = false;
  unit::SystemAction action_ = unit::SystemAction::kNone;
  std::uint64_t generation_ = 0;
};

}  // namespace inro::guest
