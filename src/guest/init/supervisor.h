// Runs units: starts a transaction, watches its services, restarts and stops them. Pure logic over
// a ServiceHost: it is told what happened (a process ended, a message came, time passed) and never
// waits.
//
// States of a unit, and of a service in particular:
//
//   inactive -> (waiting) -> condition -> start-pre -> start -> start-post -> running | exited
//   running | exited -> stop -> stop-sigterm -> stop-sigkill -> stop-post -> inactive | failed
//   any start state -> stop-sigterm (on failure) -> ... -> failed
//   inactive | failed -> auto-restart -> condition (Restart=)
//   targets and mounts: inactive -> active -> inactive
//
// Invariants: a service has at most one main and one control process; a unit in `waiting` has a job
// whose predecessors have not all ended; a job ends exactly once (done, failed or canceled); in
// every state but running, exited, active, inactive and failed there is either a process to wait
// for or a deadline; after RequestStop nothing is started but stop commands.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guest/init/service_host.h"
#include "unit/transaction.h"

namespace inro::guest {

using Time = std::chrono::microseconds;  // of the monotonic clock
inline constexpr Time kNever = Time::max();

enum class UnitPhase : std::uint8_t {
  kInactive,
  kWaiting,
  kCondition,
  kStartPre,
  kStart,
  kStartPost,
  kRunning,
  kExited,
  kActive,
  kStop,
  kStopSigterm,
  kStopSigkill,
  kStopPost,
  kFailed,
  kAutoRestart,
};
std::string_view ToString(UnitPhase phase);

// One line of a notify message at a time is enough; see notify_socket.h.
struct NotifyMessage {
  bool ready = false;
  bool stopping = false;
  bool reloading = false;
  std::optional<pid_t> main_pid;
  std::optional<std::string> status;
  std::optional<Time> extend_timeout;
};

// What the supervisor knows of one unit while it has been part of a transaction.
struct UnitRun {
  unit::Unit* unit = nullptr;
  UnitPhase phase = UnitPhase::kInactive;
  pid_t main_pid = 0;
  pid_t control_pid = 0;
  std::size_t command = 0;  // index in the list of the phase
  Time deadline = kNever;   // of the phase
  Time since{0};            // of the phase
  Time started{0};          // when it last left `inactive`; 0: never
  Time active{0};           // when it was last up; 0: never
  unsigned restarts = 0;
  Time limit_begin{0};  // StartLimit*: the window and the starts in it
  unsigned limit_count = 0;
  bool stop_requested = false;
  bool failed = false;  // how the present run will end
  bool ready = false;   // READY=1 was seen
  std::uint8_t kind_of_end =
      0;               // of the main process: 0 none, 1 clean, 2 exit code, 3 signal, 4 time
  int end_status = 0;  // the exit code or signal of the main process
  std::string result;  // why it failed, for people
  std::string status;  // STATUS=
  enum class JobState : std::uint8_t { kNone, kWaiting, kRunning, kDone, kFailed };
  JobState job = JobState::kNone;
  std::vector<UnitRun*> after;  // of the job: what must end first
  std::vector<UnitRun*> needs;
};

class Supervisor {
 public:
  Supervisor(ServiceHost& host, unit::Loader& loader) : host_(host), loader_(loader) {}

  // Adds the jobs of a transaction and starts what can be started.
  void Start(const unit::Transaction& transaction, Time now);
  // A child ended; `status` as from waitpid(2). Unknown children are nobody's: orphans.
  void OnExit(pid_t pid, int status, Time now);
  // A message came from process `sender`; `group_unit` is the unit of its control group, if any.
  void OnNotify(pid_t sender, std::string_view group_unit, const NotifyMessage& message, Time now);
  // Deadlines that have passed, and groups that have run empty.
  void OnTime(Time now);
  // The next time OnTime has something to do.
  Time NextDeadline() const;

  // Stops all units in reverse order. AllStopped() tells when that is done.
  void RequestStop(Time now);
  bool AllStopped() const;
  bool stopping() const { return stopping_; }

  // What a unit's SuccessAction= or FailureAction= has asked for; the most urgent wins.
  unit::SystemAction requested_action() const { return action_; }

  const std::map<std::string, std::unique_ptr<UnitRun>, std::less<>>& runs() const { return runs_; }
  UnitRun* Find(std::string_view name);
  // Counts up whenever something in runs() changed that others may want to see.
  std::uint64_t generation() const { return generation_; }

 private:
  UnitRun& RunOf(unit::Unit* unit);
  void Pump(Time now);
  bool StartWaiting(UnitRun& run, Time now);
  void Begin(UnitRun& run, Time now);
  bool ConditionsHold(UnitRun& run);
  bool WithinStartLimit(UnitRun& run, Time now);
  void LogFailure(const UnitRun& run);
  void EndJob(UnitRun& run, UnitRun::JobState state);
  void Enter(UnitRun& run, UnitPhase phase, Time now, unit::Microseconds timeout);

  // Services (supervisor_service.cc).
  void RunPhase(UnitRun& run, UnitPhase phase, Time now);
  void RunCommands(UnitRun& run, Time now);
  const std::vector<unit::Command>& CommandsOf(const UnitRun& run) const;
  void PhaseDone(UnitRun& run, Time now);
  void LaunchMain(UnitRun& run, Time now);
  bool AdoptMainProcess(UnitRun& run);
  void Started(UnitRun& run, Time now);
  void EnterUp(UnitRun& run, Time now);
  void ControlEnded(UnitRun& run, int status, Time now);
  void MainEnded(UnitRun& run, int status, Time now);
  void Fail(UnitRun& run, std::string reason, Time now);
  void BeginStop(UnitRun& run, Time now);
  void SignalPhase(UnitRun& run, UnitPhase phase, Time now);
  bool StillAlive(const UnitRun& run) const;
  void CheckStopped(UnitRun& run, Time now);
  void Down(UnitRun& run, Time now);
  void AfterDown(UnitRun& run, Time now);
  bool ShouldRestart(const UnitRun& run) const;
  void Timeout(UnitRun& run, Time now);
  void RequestAction(unit::SystemAction action, const UnitRun& run);

  // A stop job: begun once the units that come after it are down.
  struct StopJob {
    UnitRun* run = nullptr;
    std::vector<std::size_t> after;  // indices in stop_order_
    bool begun = false;
  };
  void PumpStops(Time now);

  ServiceHost& host_;
  unit::Loader& loader_;
  std::map<std::string, std::unique_ptr<UnitRun>, std::less<>> runs_;
  std::map<pid_t, UnitRun*> processes_;
  std::vector<StopJob> stop_order_;
  Time last_check_{0};
  bool stopping_ = false;
  bool pumping_ = false;
  bool pump_again_ = false;
  unit::SystemAction action_ = unit::SystemAction::kNone;
  std::uint64_t generation_ = 0;
};

}  // namespace inro::guest
