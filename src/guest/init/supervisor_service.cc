// The life of one service; the states are described at the head of supervisor.h.
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "guest/init/supervisor.h"

namespace inro::guest {

using unit::Command;
using unit::Restart;
using unit::ServiceSettings;
using unit::ServiceType;
using JobState = UnitRun::JobState;

namespace {

std::string Describe(int status) {
  if (WIFEXITED(status)) return fmt::format("exit status {}", WEXITSTATUS(status));
  return fmt::format("killed by {}", unit::SignalName(WTERMSIG(status)));
}

// A clean end of a main process: exit 0, the polite signals, and SuccessExitStatus=.
bool IsClean(int status, const ServiceSettings& service) {
  if (WIFEXITED(status)) {
    const int code = WEXITSTATUS(status);
    return code == 0 || service.success_status.codes.test(static_cast<std::size_t>(code));
  }
  const int signal = WTERMSIG(status);
  if (service.EffectiveType() != ServiceType::kOneshot &&
      (signal == SIGHUP || signal == SIGINT || signal == SIGTERM || signal == SIGPIPE)) {
    return true;
  }
  return signal < 65 && service.success_status.signals.test(static_cast<std::size_t>(signal));
}

bool InSet(const UnitRun& run, const unit::ExitStatusSet& set) {
  const auto status = static_cast<std::size_t>(run.end_status);
  if (run.kind_of_end == 1 || run.kind_of_end == 2) return status < 256 && set.codes.test(status);
  return run.kind_of_end == 3 && status < 65 && set.signals.test(status);
}

}  // namespace

const std::vector<Command>& Supervisor::CommandsOf(const UnitRun& run) const {
  const ServiceSettings& service = *run.unit->service;
  switch (run.phase) {
    case UnitPhase::kCondition:
      return service.condition;
    case UnitPhase::kStartPre:
      return service.start_pre;
    case UnitPhase::kStartPost:
      return service.start_post;
    case UnitPhase::kStop:
      return service.stop;
    case UnitPhase::kStopPost:
      return service.stop_post;
    default:
      return service.start;
  }
}

void Supervisor::RunPhase(UnitRun& run, UnitPhase phase, Time now) {
  const ServiceSettings& service = *run.unit->service;
  const bool stop = phase == UnitPhase::kStop || phase == UnitPhase::kStopPost;
  Enter(run, phase, now, stop ? service.stop_timeout : service.start_timeout);
  run.command = 0;
  if (phase == UnitPhase::kStart) {
    LaunchMain(run, now);
  } else {
    RunCommands(run, now);
  }
}

// Runs the next command of the phase as control process, or goes on when there is none left.
void Supervisor::RunCommands(UnitRun& run, Time now) {
  const auto& commands = CommandsOf(run);
  while (run.command < commands.size()) {
    const Command& command = commands[run.command];
    LaunchOptions options;
    options.main_pid = run.main_pid;
    const std::string code = std::to_string(run.end_status);
    if (run.phase == UnitPhase::kStop || run.phase == UnitPhase::kStopPost) {
      constexpr std::string_view kCodes[] = {"", "exited", "exited", "killed", "killed"};
      options.service_result = run.failed ? "exit-code" : "success";
      options.exit_code = kCodes[run.kind_of_end];
      if (run.kind_of_end != 0) options.exit_status = code;
    }
    const auto pid = host_.Launch(*run.unit, command, options);
    if (pid) {
      run.control_pid = *pid;
      processes_[*pid] = &run;
      return;
    }
    if ((command.flags & unit::kIgnoreFailure) == 0) {
      const bool stop = run.phase == UnitPhase::kStop || run.phase == UnitPhase::kStopPost;
      if (!stop) return Fail(run, pid.error().ToString(), now);
      host_.Log(LogLevel::kWarning, run.unit->name + ": " + pid.error().ToString());
    }
    ++run.command;
  }
  PhaseDone(run, now);
}

void Supervisor::PhaseDone(UnitRun& run, Time now) {
  switch (run.phase) {
    case UnitPhase::kCondition:
      return RunPhase(run, UnitPhase::kStartPre, now);
    case UnitPhase::kStartPre:
      return RunPhase(run, UnitPhase::kStart, now);
    case UnitPhase::kStart:
      return Started(run, now);
    case UnitPhase::kStartPost:
      return EnterUp(run, now);
    case UnitPhase::kStop:
      return SignalPhase(run, UnitPhase::kStopSigterm, now);
    case UnitPhase::kStopPost:
      return Down(run, now);
    default:
      return;
  }
}

// Starts the (next) command of ExecStart=.
void Supervisor::LaunchMain(UnitRun& run, Time now) {
  const ServiceSettings& service = *run.unit->service;
  const ServiceType type = service.EffectiveType();
  if (service.start.empty()) return Started(run, now);  // a oneshot with only ExecStop=
  const bool forking = type == ServiceType::kForking;
  const Command& command = service.start[run.command];
  LaunchOptions options;
  options.main = !forking;
  const auto pid = host_.Launch(*run.unit, command, options);
  if (!pid) {
    if ((command.flags & unit::kIgnoreFailure) == 0) return Fail(run, pid.error().ToString(), now);
    if (type == ServiceType::kOneshot && ++run.command < service.start.size()) {
      return LaunchMain(run, now);
    }
    return Started(run, now);
  }
  processes_[*pid] = &run;
  if (forking) {
    run.control_pid = *pid;
    return;
  }
  run.main_pid = *pid;
  // Launch comes back once the program is executed: that is all that simple and exec wait for.
  const bool waits = type == ServiceType::kOneshot || type == ServiceType::kNotify ||
                     type == ServiceType::kNotifyReload;
  if (!waits) Started(run, now);
}

bool Supervisor::AdoptMainProcess(UnitRun& run) {
  const pid_t pid = host_.FindMainProcess(*run.unit);
  if (pid <= 1) return false;
  run.main_pid = pid;
  processes_[pid] = &run;
  return true;
}

void Supervisor::Started(UnitRun& run, Time now) { RunPhase(run, UnitPhase::kStartPost, now); }

void Supervisor::EnterUp(UnitRun& run, Time now) {
  const ServiceSettings& service = *run.unit->service;
  const ServiceType type = service.EffectiveType();
  const bool alive =
      run.main_pid != 0 || (type == ServiceType::kForking && !host_.GroupIsEmpty(*run.unit));
  if (alive) {
    Enter(run, UnitPhase::kRunning, now, unit::kForever);
  } else if (service.remain_after_exit) {
    Enter(run, UnitPhase::kExited, now, unit::kForever);
  } else {
    // A oneshot has done its work, or the process ended while ExecStartPost= ran.
    if (!run.failed) {
      if (type == ServiceType::kOneshot) {
        host_.Log(LogLevel::kInfo, run.unit->name + ": started");
      }
      EndJob(run, JobState::kDone);
    }
    return BeginStop(run, now);
  }
  host_.Log(LogLevel::kInfo, run.unit->name + ": started");
  EndJob(run, JobState::kDone);
}

void Supervisor::ControlEnded(UnitRun& run, int status, Time now) {
  const ServiceSettings& service = *run.unit->service;
  const auto& commands = CommandsOf(run);
  const bool forking = run.phase == UnitPhase::kStart;
  const std::size_t at = forking ? 0 : run.command;
  const bool ignored = at < commands.size() && (commands[at].flags & unit::kIgnoreFailure) != 0;
  const bool good = (WIFEXITED(status) && WEXITSTATUS(status) == 0) || ignored;
  ++generation_;
  switch (run.phase) {
    case UnitPhase::kCondition:
      if (!good) {
        // 1 to 254 skips the unit quietly (systemd.service(5), ExecCondition=).
        if (WIFEXITED(status) && WEXITSTATUS(status) < 255) {
          host_.Log(LogLevel::kInfo, run.unit->name + ": skipped by ExecCondition=");
          EndJob(run, JobState::kDone);
          return Enter(run, UnitPhase::kInactive, now, unit::kForever);
        }
        return Fail(run, "ExecCondition=: " + Describe(status), now);
      }
      break;
    case UnitPhase::kStart:
      if (!good) return Fail(run, Describe(status), now);
      if (AdoptMainProcess(run)) return Started(run, now);
      if (!service.pid_file.empty() && !host_.GroupIsEmpty(*run.unit))
        return;  // OnTime looks again
      if (service.pid_file.empty() && !host_.GroupIsEmpty(*run.unit)) return Started(run, now);
      return Fail(run, "it left no process behind", now);
    case UnitPhase::kStartPre:
    case UnitPhase::kStartPost:
      if (!good) return Fail(run, Describe(status), now);
      break;
    case UnitPhase::kStop:
    case UnitPhase::kStopPost:
      if (!good) {
        host_.Log(LogLevel::kWarning, run.unit->name + ": a stop command: " + Describe(status));
      }
      break;
    default:
      return CheckStopped(run, now);
  }
  ++run.command;
  RunCommands(run, now);
}

void Supervisor::MainEnded(UnitRun& run, int status, Time now) {
  const ServiceSettings& service = *run.unit->service;
  const ServiceType type = service.EffectiveType();
  const std::size_t at =
      std::min(run.command, service.start.empty() ? 0 : service.start.size() - 1);
  const bool ignored = run.phase == UnitPhase::kStart && at < service.start.size() &&
                       (service.start[at].flags & unit::kIgnoreFailure) != 0;
  const bool clean = IsClean(status, service) || ignored ||
                     (type != ServiceType::kOneshot && !service.start.empty() &&
                      (service.start.front().flags & unit::kIgnoreFailure) != 0);
  run.kind_of_end = clean ? 1 : WIFEXITED(status) ? 2 : 3;
  run.end_status = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
  ++generation_;
  switch (run.phase) {
    case UnitPhase::kStart:
      if (type == ServiceType::kOneshot) {
        if (!clean) return Fail(run, Describe(status), now);
        if (++run.command < service.start.size()) return LaunchMain(run, now);
        return Started(run, now);
      }
      return Fail(run, "it ended before READY=1: " + Describe(status), now);
    case UnitPhase::kStartPost:
      if (!clean) return Fail(run, Describe(status), now);
      return;  // decided when ExecStartPost= is done
    case UnitPhase::kRunning:
      if (!clean) {
        run.failed = true;
        run.result = Describe(status);
      } else if (service.remain_after_exit) {
        return Enter(run, UnitPhase::kExited, now, unit::kForever);
      }
      return BeginStop(run, now);
    default:
      if (!clean && run.stop_requested && !run.failed && run.phase == UnitPhase::kStopSigterm) {
        run.failed = true;
        run.result = Describe(status);
      }
      return CheckStopped(run, now);
  }
}

void Supervisor::Fail(UnitRun& run, std::string reason, Time now) {
  run.failed = true;
  run.result = std::move(reason);
  SignalPhase(run, UnitPhase::kStopSigterm, now);
}

void Supervisor::BeginStop(UnitRun& run, Time now) {
  switch (run.phase) {
    case UnitPhase::kRunning:
    case UnitPhase::kExited:
    case UnitPhase::kStartPost:
      return RunPhase(run, UnitPhase::kStop, now);
    case UnitPhase::kStop:
    case UnitPhase::kStopSigterm:
    case UnitPhase::kStopSigkill:
    case UnitPhase::kStopPost:
      return;  // on its way
    default:
      return SignalPhase(run, UnitPhase::kStopSigterm, now);
  }
}

void Supervisor::SignalPhase(UnitRun& run, UnitPhase phase, Time now) {
  const ServiceSettings& service = *run.unit->service;
  Enter(run, phase, now, service.stop_timeout);
  const bool last = phase == UnitPhase::kStopSigkill;
  const int signal = last ? service.final_kill_signal : service.kill_signal;
  using unit::KillMode;
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
  const auto mode = run.unit->service->kill_mode;
  const bool whole_group = mode == unit::KillMode::kControlGroup || mode == unit::KillMode::kMixed;
  return whole_group && !host_.GroupIsEmpty(*run.unit);
}

void Supervisor::CheckStopped(UnitRun& run, Time now) {
  if (run.phase != UnitPhase::kStopSigterm && run.phase != UnitPhase::kStopSigkill) return;
  if (run.main_pid != 0 || run.control_pid != 0) return;
  if (StillAlive(run)) {
    // KillMode=mixed: when the main process has gone, what is left is killed at once.
    if (run.unit->service->kill_mode == unit::KillMode::kMixed) {
      host_.KillGroup(*run.unit, SIGKILL, 0);
    }
    return;
  }
  RunPhase(run, UnitPhase::kStopPost, now);
}

bool Supervisor::ShouldRestart(const UnitRun& run) const {
  if (run.stop_requested || stopping_) return false;
  const ServiceSettings& service = *run.unit->service;
  if (InSet(run, service.restart_prevent)) return false;
  if (InSet(run, service.restart_force)) return true;
  const bool timed_out = run.kind_of_end == 4;
  switch (service.restart) {
    case Restart::kNo:
    case Restart::kOnWatchdog:
      return false;
    case Restart::kAlways:
      return true;
    case Restart::kOnSuccess:
      return !run.failed;
    case Restart::kOnFailure:
      return run.failed;
    case Restart::kOnAbnormal:
      return run.failed && (run.kind_of_end == 3 || timed_out);
    case Restart::kOnAbort:
      return run.failed && run.kind_of_end == 3;
  }
  return false;
}

void Supervisor::Down(UnitRun& run, Time now) {
  const unit::Unit& unit = *run.unit;
  if (!host_.GroupIsEmpty(unit) && unit.service->kill_mode != unit::KillMode::kNone &&
      unit.service->kill_mode != unit::KillMode::kProcess) {
    host_.KillGroup(unit, SIGKILL, 0);  // what ExecStopPost= left behind
  }
  const bool restart = ShouldRestart(run);
  host_.CleanUp(unit, restart);
  if (run.failed) {
    LogFailure(run);
  } else if (unit.service->EffectiveType() != ServiceType::kOneshot || run.stop_requested) {
    host_.Log(LogLevel::kInfo, unit.name + ": stopped");
  }
  EndJob(run, run.failed ? JobState::kFailed : JobState::kDone);
  if (restart) {
    ++run.restarts;
    return Enter(run, UnitPhase::kAutoRestart, now, unit.service->restart_delay);
  }
  Enter(run, run.failed ? UnitPhase::kFailed : UnitPhase::kInactive, now, unit::kForever);
  AfterDown(run, now);
}

void Supervisor::Timeout(UnitRun& run, Time now) {
  run.deadline = kNever;
  switch (run.phase) {
    case UnitPhase::kAutoRestart:
      return Begin(run, now);
    case UnitPhase::kCondition:
    case UnitPhase::kStartPre:
    case UnitPhase::kStart:
    case UnitPhase::kStartPost:
      run.kind_of_end = 4;
      return Fail(run, fmt::format("time ran out in {}", ToString(run.phase)), now);
    case UnitPhase::kStop:
      run.failed = true;
      run.result = "time ran out in ExecStop=";
      return SignalPhase(run, UnitPhase::kStopSigterm, now);
    case UnitPhase::kStopSigterm:
      if (!run.failed) {
        run.failed = true;
        run.result = "it did not end in time and was killed";
      }
      if (!run.unit->service->send_sigkill) return RunPhase(run, UnitPhase::kStopPost, now);
      return SignalPhase(run, UnitPhase::kStopSigkill, now);
    case UnitPhase::kStopSigkill:
      // Nothing more can be done: a process in an uninterruptible sleep. Go on without it.
      host_.Log(LogLevel::kError, run.unit->name + ": a process does not die of SIGKILL");
      for (pid_t* pid : {&run.main_pid, &run.control_pid}) {
        if (*pid > 0) processes_.erase(*pid);
        *pid = 0;
      }
      return RunPhase(run, UnitPhase::kStopPost, now);
    case UnitPhase::kStopPost:
      if (run.control_pid > 0) {
        host_.Kill(run.control_pid, SIGKILL);
        processes_.erase(run.control_pid);
        run.control_pid = 0;
      }
      return Down(run, now);
    default:
      return;
  }
}

}  // namespace inro::guest
