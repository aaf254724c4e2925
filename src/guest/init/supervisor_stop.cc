// The way down of a service: its stop commands, its signals, what is left of it, and whether it
// comes again (systemd.service(5), systemd.kill(5)).
#include <algorithm>
#include <csignal>
#include <utility>

#include "guest/init/supervisor.h"

namespace inro::guest {

using unit::KillMode;
using unit::Restart;
using unit::ServiceSettings;
using unit::ServiceType;

namespace {

bool InSet(const UnitRun& run, const unit::ExitStatusSet& set) {
  const auto status = static_cast<std::size_t>(run.end_status);
  switch (run.end) {
    case ProcessEnd::kNone:
      return false;
    case ProcessEnd::kClean:
    case ProcessEnd::kExited:
      return status < 256 && set.codes.test(status);
    case ProcessEnd::kKilled:
    case ProcessEnd::kDumped:
      return status < 65 && set.signals.test(status);
  }
  return false;
}

}  // namespace

void Supervisor::Fail(UnitRun& run, std::string_view result, std::string reason, Time now) {
  run.failed = true;
  run.result = result;
  run.reason = std::move(reason);
  if (run.unit->socket) return CloseSocket(run, now);
  SignalPhase(run, UnitPhase::kStopSigterm, now);
}

void Supervisor::StopService(UnitRun& run, Time now) {
  switch (run.phase) {
    case UnitPhase::kReload:
      if (run.control_pid > 0) {
        host_.Kill(run.control_pid, SIGKILL);
        processes_.erase(run.control_pid);
        run.control_pid = 0;
      }
      [[fallthrough]];
    case UnitPhase::kRunning:
    case UnitPhase::kExited:
      return RunPhase(run, UnitPhase::kStop, now);
    case UnitPhase::kStartPost:
      if (run.control_pid == 0) return RunPhase(run, UnitPhase::kStop, now);
      [[fallthrough]];
    default:
      if (run.IsStopping()) return;  // on its way
      return SignalPhase(run, UnitPhase::kStopSigterm, now);
  }
}

void Supervisor::SignalPhase(UnitRun& run, UnitPhase phase, Time now) {
  const ServiceSettings& service = *run.unit->service;
  const bool abort = phase == UnitPhase::kStopWatchdog;
  Enter(run, phase, now,
        abort ? service.abort_timeout.value_or(service.stop_timeout) : service.stop_timeout);
  const bool last = phase == UnitPhase::kStopSigkill;
  const bool restarting = run.job && run.job->kind == JobKind::kRestart;
  const int polite =
      restarting ? service.restart_kill_signal.value_or(service.kill_signal) : service.kill_signal;
  const int signal = last ? service.final_kill_signal : abort ? service.watchdog_signal : polite;
  if (service.kill_mode != KillMode::kNone) {
    for (const pid_t pid : {run.main_pid, run.control_pid}) {
      if (pid <= 0) continue;
      host_.Kill(pid, signal);
      if (signal != SIGKILL) host_.Kill(pid, SIGCONT);
      if (!last && service.send_sighup) host_.Kill(pid, SIGHUP);
    }
    if (service.kill_mode == KillMode::kControlGroup ||
        (last && service.kill_mode == KillMode::kMixed)) {
      // The main process has had its signal; the rest of the group gets it now.
      host_.KillGroup(*run.unit, signal, run.main_pid);
    }
  }
  CheckStopped(run, now);
}

bool Supervisor::StillAlive(const UnitRun& run) const {
  if (run.main_pid != 0 || run.control_pid != 0) return true;
  const KillMode mode = run.unit->service->kill_mode;
  const bool whole_group = mode == KillMode::kControlGroup || mode == KillMode::kMixed;
  return whole_group && !host_.GroupIsEmpty(*run.unit);
}

void Supervisor::CheckStopped(UnitRun& run, Time now) {
  const bool waits = run.phase == UnitPhase::kStopSigterm || run.phase == UnitPhase::kStopSigkill ||
                     run.phase == UnitPhase::kStopWatchdog;
  if (!waits) return;
  const KillMode mode = run.unit->service->kill_mode;
  // A process that nobody is to kill is left alone.
  const bool left = mode == KillMode::kNone && !run.failed;
  if ((run.main_pid != 0 || run.control_pid != 0) && !left) {
    const bool adopted = run.main_pid != 0 && run.control_pid == 0 && !host_.IsAlive(run.main_pid);
    if (!adopted) return;
    processes_.erase(run.main_pid);
    run.main_pid = 0;
  }
  if (!left && StillAlive(run)) {
    // KillMode=mixed: when the main process has gone, what is left is killed at once.
    if (mode == KillMode::kMixed) host_.KillGroup(*run.unit, SIGKILL, 0);
    return;
  }
  LetGo(run);
  RunPhase(run, UnitPhase::kStopPost, now);
}

void Supervisor::LetGo(UnitRun& run) {
  for (pid_t* pid : {&run.main_pid, &run.control_pid}) {
    if (*pid > 0) processes_.erase(*pid);
    *pid = 0;
  }
}

bool Supervisor::ShouldRestart(const UnitRun& run) const {
  if (run.stop_requested || stopping_ || run.condition_skipped) return false;
  if (run.job && run.job->kind == JobKind::kStop) return false;
  const ServiceSettings& service = *run.unit->service;
  if (InSet(run, service.restart_prevent)) return false;
  if (InSet(run, service.restart_force)) return true;
  const bool killed = run.end == ProcessEnd::kKilled || run.end == ProcessEnd::kDumped;
  const bool timed_out = run.result == "timeout";
  const bool watchdog = run.result == "watchdog";
  const bool by_signal = run.failed && (run.result == "signal" || run.result == "core-dump" ||
                                        run.result == "oom-kill");
  switch (service.restart) {
    case Restart::kNo:
      return false;
    case Restart::kAlways:
      return run.result != "start-limit-hit";
    case Restart::kOnSuccess:
      return !run.failed;
    case Restart::kOnFailure:
      return run.failed;
    case Restart::kOnAbnormal:
      return run.failed && ((by_signal && killed) || timed_out || watchdog);
    case Restart::kOnAbort:
      return by_signal && killed;
    case Restart::kOnWatchdog:
      return watchdog;
  }
  return false;
}

void Supervisor::Down(UnitRun& run, Time now) {
  const unit::Unit& unit = *run.unit;
  const KillMode mode = unit.service->kill_mode;
  EndBusWatch(run);
  if (unit.service->send_sigkill && mode != KillMode::kNone && mode != KillMode::kProcess &&
      !host_.GroupIsEmpty(unit)) {
    host_.KillGroup(unit, SIGKILL, 0);  // what ExecStopPost= left behind
  }
  const bool restart = ShouldRestart(run);
  const bool again = restart || (run.job && run.job->kind == JobKind::kRestart);
  host_.CleanUp(unit, again);
  if (run.failed && restart) {
    // No failure yet: the unit has a way to mend it.
    host_.Log(LogLevel::kWarning, unit.name + ": " + run.reason + "; it is started again");
  } else if (run.failed) {
    LogFailure(run);
  } else if (unit.service->EffectiveType() != ServiceType::kOneshot || run.stop_requested) {
    host_.Log(LogLevel::kInfo, unit.name + ": stopped");
  }
  if (restart) {
    ++run.restarts;
    FinishJob(run, run.failed ? JobOutcome::kFailed : JobOutcome::kDone);
    Enter(run, UnitPhase::kAutoRestart, now, unit.service->restart_delay);
  } else {
    if (!again) run.store.clear();
    Enter(run, run.failed ? UnitPhase::kFailed : UnitPhase::kInactive, now, unit::kForever);
  }
  if (std::exchange(run.condition_skipped, false)) FinishJob(run, JobOutcome::kSkipped);
  WentDown(run, now);
}

void Supervisor::ServiceTimeout(UnitRun& run, Time now) {
  if (now >= run.watchdog_deadline) {
    run.watchdog_deadline = kNever;
    run.failed = true;
    run.result = "watchdog";
    run.reason = "it did not answer within WatchdogSec=";
    return SignalPhase(run, UnitPhase::kStopWatchdog, now);
  }
  if (now >= run.runtime_deadline) {
    run.runtime_deadline = kNever;
    run.failed = true;
    run.result = "timeout";
    run.reason = "it ran longer than RuntimeMaxSec=";
    return StopService(run, now);
  }
  if (now < run.deadline) return;
  run.deadline = kNever;
  const unit::SocketSettings* socket = run.unit->socket.get();
  const auto begin_kill = [&](unit::FailureMode mode) {
    using unit::FailureMode;
    SignalPhase(run,
                mode == FailureMode::kKill    ? UnitPhase::kStopSigkill
                : mode == FailureMode::kAbort ? UnitPhase::kStopWatchdog
                                              : UnitPhase::kStopSigterm,
                now);
  };
  switch (run.phase) {
    case UnitPhase::kAutoRestart:
      // As a job, so that what it requires comes too.
      effects_.push_back({JobKind::kStart, run.unit->name});
      return;
    case UnitPhase::kCondition:
    case UnitPhase::kStartPre:
    case UnitPhase::kStart:
    case UnitPhase::kStartPost:
      run.failed = true;
      run.result = "timeout";
      run.reason = fmt::format("time ran out in {}", ToString(run.phase));
      if (run.control_pid > 0 && socket != nullptr) host_.Kill(run.control_pid, SIGKILL);
      if (socket != nullptr) return CloseSocket(run, now);
      return begin_kill(run.unit->service->start_failure_mode);
    case UnitPhase::kReload:
      if (run.control_pid > 0) {
        host_.Kill(run.control_pid, SIGKILL);
        processes_.erase(run.control_pid);
        run.control_pid = 0;
      }
      host_.Log(LogLevel::kWarning, run.unit->name + ": its reload has run out of time");
      return EndReload(run, JobOutcome::kTimeout, now);
    case UnitPhase::kStop:
      if (!run.failed) {
        run.failed = true;
        run.result = "timeout";
        run.reason = "time ran out in ExecStop=";
      }
      if (run.control_pid > 0 && socket != nullptr) host_.Kill(run.control_pid, SIGKILL);
      if (socket != nullptr) return CloseSocket(run, now);
      return begin_kill(run.unit->service->stop_failure_mode);
    case UnitPhase::kStopSigterm:
    case UnitPhase::kStopWatchdog:
      if (!run.failed) {
        run.failed = true;
        run.result = "timeout";
        run.reason = "it did not end in time and was killed";
      }
      if (run.phase == UnitPhase::kStopSigterm &&
          run.unit->service->stop_failure_mode == unit::FailureMode::kAbort) {
        return SignalPhase(run, UnitPhase::kStopWatchdog, now);
      }
      if (run.unit->service->send_sigkill) return SignalPhase(run, UnitPhase::kStopSigkill, now);
      LetGo(run);
      return RunPhase(run, UnitPhase::kStopPost, now);
    case UnitPhase::kStopSigkill:
      // Nothing more can be done: a process in an uninterruptible sleep. Go on without it.
      host_.Log(LogLevel::kError, run.unit->name + ": a process does not die of SIGKILL");
      LetGo(run);
      return RunPhase(run, UnitPhase::kStopPost, now);
    case UnitPhase::kStopPost:
      if (run.control_pid > 0) {
        host_.Kill(run.control_pid, SIGKILL);
        processes_.erase(run.control_pid);
        run.control_pid = 0;
      }
      return socket != nullptr ? Deactivated(run, now) : Down(run, now);
    default:
      return;
  }
}

}  // namespace inro::guest
