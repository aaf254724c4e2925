// The life of one service until it is up; supervisor_stop.cc has the way down. The states are
// described at the head of supervisor.h. Sockets run their commands through the same phases.
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "guest/init/supervisor.h"

namespace inro::guest {

using unit::Command;
using unit::ServiceSettings;
using unit::ServiceType;

namespace {

std::string Describe(int status) {
  if (WIFEXITED(status)) return fmt::format("exit status {}", WEXITSTATUS(status));
  return fmt::format("killed by {}", unit::SignalName(WTERMSIG(status)));
}

std::string_view ResultOf(int status) {
  if (WIFEXITED(status)) return "exit-code";
  return WCOREDUMP(status) ? "core-dump" : "signal";
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

}  // namespace

const std::vector<Command>& Supervisor::CommandsOf(const UnitRun& run) const {
  static const std::vector<Command> kNone;
  if (const unit::SocketSettings* socket = run.unit->socket.get()) {
    switch (run.phase) {
      case UnitPhase::kStartPre:
        return socket->start_pre;
      case UnitPhase::kStartPost:
        return socket->start_post;
      case UnitPhase::kStop:
        return socket->stop_pre;
      case UnitPhase::kStopPost:
        return socket->stop_post;
      default:
        return kNone;
    }
  }
  const ServiceSettings& service = *run.unit->service;
  switch (run.phase) {
    case UnitPhase::kCondition:
      return service.condition;
    case UnitPhase::kStartPre:
      return service.start_pre;
    case UnitPhase::kStartPost:
      return service.start_post;
    case UnitPhase::kReload:
      return service.reload;
    case UnitPhase::kStop:
      return service.stop;
    case UnitPhase::kStopPost:
      return service.stop_post;
    case UnitPhase::kStart:
      return service.start;
    default:
      return kNone;
  }
}

void Supervisor::RunPhase(UnitRun& run, UnitPhase phase, Time now) {
  const bool stop = phase == UnitPhase::kStop || phase == UnitPhase::kStopPost;
  unit::Microseconds timeout = unit::kForever;
  if (run.unit->socket) {
    timeout = run.unit->socket->timeout;
  } else {
    timeout = stop ? run.unit->service->stop_timeout : run.unit->service->start_timeout;
  }
  // One time span for the whole start, as the manual says of TimeoutStartSec= for each command of
  // a oneshot and for the start as a whole of the others.
  Enter(run, phase, now, timeout);
  run.command = 0;
  if (phase == UnitPhase::kStart) {
    LaunchMain(run, now);
  } else {
    RunCommands(run, now);
  }
}

// `status` holds the text of $EXIT_STATUS as long as the options are used.
LaunchOptions Supervisor::OptionsFor(const UnitRun& run, std::string& status) const {
  LaunchOptions options;
  options.main_pid = run.main_pid;
  options.environment = run.monitor;
  if (run.IsStopping() && run.unit->service) {
    constexpr std::string_view kCodes[] = {"", "exited", "exited", "killed", "dumped"};
    options.service_result = run.result;
    options.exit_code = kCodes[static_cast<std::size_t>(run.end)];
    const bool killed = run.end == ProcessEnd::kKilled || run.end == ProcessEnd::kDumped;
    if (run.end != ProcessEnd::kNone) {
      status =
          killed ? std::string(unit::SignalName(run.end_status)) : std::to_string(run.end_status);
      options.exit_status = status;
    }
  }
  return options;
}

// Runs the next command of the phase as control process, or goes on when there is none left.
void Supervisor::RunCommands(UnitRun& run, Time now) {
  const auto& commands = CommandsOf(run);
  while (run.command < commands.size()) {
    const Command& command = commands[run.command];
    std::string status;
    const auto pid = host_.Launch(*run.unit, command, OptionsFor(run, status));
    if (pid) {
      run.control_pid = *pid;
      processes_[*pid] = &run;
      return;
    }
    if ((command.flags & unit::kIgnoreFailure) == 0) {
      if (run.IsStarting()) return LaunchFailed(run, pid.error(), now);
      if (run.phase == UnitPhase::kReload) return EndReload(run, JobOutcome::kFailed, now);
      host_.Log(LogLevel::kWarning, run.unit->name + ": " + pid.error().ToString());
    }
    ++run.command;
  }
  PhaseDone(run, now);
}

void Supervisor::PhaseDone(UnitRun& run, Time now) {
  const bool socket = run.unit->socket != nullptr;
  switch (run.phase) {
    case UnitPhase::kCondition:
      return RunPhase(run, UnitPhase::kStartPre, now);
    case UnitPhase::kStartPre:
      return socket ? Listen(run, now) : RunPhase(run, UnitPhase::kStart, now);
    case UnitPhase::kStart:
      return RunPhase(run, UnitPhase::kStartPost, now);
    case UnitPhase::kStartPost:
      return socket ? Activated(run, now) : EnterUp(run, now);
    case UnitPhase::kReload:
      // Type=notify-reload says itself when it is done.
      if (run.unit->service->EffectiveType() == ServiceType::kNotifyReload) return;
      return EndReload(run, JobOutcome::kDone, now);
    case UnitPhase::kStop:
      return socket ? CloseSocket(run, now) : SignalPhase(run, UnitPhase::kStopSigterm, now);
    case UnitPhase::kStopPost:
      return socket ? Deactivated(run, now) : Down(run, now);
    default:
      return;
  }
}

void Supervisor::LaunchFailed(UnitRun& run, const Error& error, Time now) {
  Fail(run, "resources", error.ToString(), now);
}

// Starts the (next) command of ExecStart=.
void Supervisor::LaunchMain(UnitRun& run, Time now) {
  const ServiceSettings& service = *run.unit->service;
  const ServiceType type = service.EffectiveType();
  // A oneshot with only ExecStop=.
  if (service.start.empty()) return RunPhase(run, UnitPhase::kStartPost, now);
  const bool forking = type == ServiceType::kForking;
  const Command& command = service.start[run.command];
  LaunchOptions options;
  options.main = !forking;
  options.watchdog = run.watchdog;
  for (const StoredDescriptor& held : run.store) {
    options.stored.push_back({held.fd.get(), held.name});
  }
  options.environment = run.monitor;
  const auto pid = host_.Launch(*run.unit, command, options);
  if (!pid) {
    if ((command.flags & unit::kIgnoreFailure) == 0) return LaunchFailed(run, pid.error(), now);
    if (type == ServiceType::kOneshot && ++run.command < service.start.size()) {
      return LaunchMain(run, now);
    }
    return RunPhase(run, UnitPhase::kStartPost, now);
  }
  processes_[*pid] = &run;
  if (forking) {
    run.control_pid = *pid;
    return;
  }
  run.main_pid = *pid;
  if (type == ServiceType::kDbus) return WaitForBusName(run, now);
  // Type=simple counts as started before its program is executed.
  const bool waits = type == ServiceType::kOneshot || type == ServiceType::kNotify ||
                     type == ServiceType::kNotifyReload ||
                     (type == ServiceType::kExec && !host_.IsExecuted(*pid));
  if (!waits) RunPhase(run, UnitPhase::kStartPost, now);
}

bool Supervisor::AdoptMainProcess(UnitRun& run) {
  const pid_t pid = host_.FindMainProcess(*run.unit);
  if (pid <= 1) return false;
  run.main_pid = pid;
  processes_[pid] = &run;
  return true;
}

void Supervisor::EnterUp(UnitRun& run, Time now) {
  const ServiceSettings& service = *run.unit->service;
  const ServiceType type = service.EffectiveType();
  const bool has_process =
      run.main_pid != 0 || (type == ServiceType::kForking && !host_.GroupIsEmpty(*run.unit));
  const bool alive = has_process && !run.bus_name_lost;
  if (alive) {
    if (run.watchdog.count() > 0) run.watchdog_deadline = now + run.watchdog;
    if (service.runtime_max != unit::kForever) run.runtime_deadline = now + service.runtime_max;
    Enter(run, UnitPhase::kRunning, now, unit::kForever);
  } else if (service.remain_after_exit && !run.failed) {
    Enter(run, UnitPhase::kExited, now, unit::kForever);
  } else {
    // A oneshot has done its work, or the process ended while ExecStartPost= ran.
    if (!run.failed) {
      if (type == ServiceType::kOneshot) {
        host_.Log(LogLevel::kInfo, run.unit->name + ": started");
      }
      FinishJob(run, JobOutcome::kDone);
    }
    return StopService(run, now);
  }
  host_.Log(LogLevel::kInfo, run.unit->name + ": started");
  FinishJob(run, JobOutcome::kDone);
  CameUp(run);
}

void Supervisor::BeginReload(UnitRun& run, Time now) {
  const ServiceSettings& service = *run.unit->service;
  Enter(run, UnitPhase::kReload, now, service.start_timeout);
  run.command = 0;
  if (service.EffectiveType() == ServiceType::kNotifyReload && run.main_pid > 0) {
    host_.Kill(run.main_pid, service.reload_signal);
  }
  RunCommands(run, now);
}

void Supervisor::EndReload(UnitRun& run, JobOutcome outcome, Time now) {
  if (run.phase == UnitPhase::kReload) {
    const bool alive = run.main_pid != 0 || !host_.GroupIsEmpty(*run.unit);
    Enter(run, alive ? UnitPhase::kRunning : UnitPhase::kExited, now, unit::kForever);
    if (run.bus_name_lost) StopService(run, now);
  }
  if (run.job && run.job->kind == JobKind::kReload) FinishJob(run, outcome);
}

void Supervisor::ControlEnded(UnitRun& run, int status, Time now) {
  const auto& commands = CommandsOf(run);
  const bool starting_main = run.phase == UnitPhase::kStart;
  const std::size_t at = starting_main ? 0 : run.command;
  const bool ignored = at < commands.size() && (commands[at].flags & unit::kIgnoreFailure) != 0;
  const bool good = (WIFEXITED(status) && WEXITSTATUS(status) == 0) || ignored;
  ++generation_;
  switch (run.phase) {
    case UnitPhase::kCondition:
      if (!good) {
        // 1 to 254 skips the unit quietly (systemd.service(5), ExecCondition=).
        if (WIFEXITED(status) && WEXITSTATUS(status) < 255) {
          host_.Log(LogLevel::kInfo, run.unit->name + ": skipped by ExecCondition=");
          run.condition_skipped = true;
          return SignalPhase(run, UnitPhase::kStopSigterm, now);
        }
        return Fail(run, ResultOf(status), "ExecCondition=: " + Describe(status), now);
      }
      break;
    case UnitPhase::kStart: {
      const ServiceSettings& service = *run.unit->service;
      if (service.EffectiveType() == ServiceType::kDbus) {
        if (good) WatchBusName(run);
        if (good) return RunPhase(run, UnitPhase::kStartPost, now);
        return Fail(run, "protocol", service.bus_name + " did not appear on the bus", now);
      }
      if (!good) return Fail(run, ResultOf(status), Describe(status), now);
      if (AdoptMainProcess(run)) return RunPhase(run, UnitPhase::kStartPost, now);
      const bool empty = host_.GroupIsEmpty(*run.unit);
      if (!service.pid_file.empty() && !empty) {  // OnTime looks again
        watched_.insert(&run);
        return;
      }
      if (service.pid_file.empty() && (!empty || service.remain_after_exit)) {
        return RunPhase(run, UnitPhase::kStartPost, now);
      }
      return Fail(run, "protocol", "it left no process behind", now);
    }
    case UnitPhase::kStartPre:
    case UnitPhase::kStartPost:
      if (!good) return Fail(run, ResultOf(status), Describe(status), now);
      break;
    case UnitPhase::kReload:
      if (!good) {
        host_.Log(LogLevel::kWarning, run.unit->name + ": ExecReload=: " + Describe(status));
        return EndReload(run, JobOutcome::kFailed, now);
      }
      break;
    case UnitPhase::kStop:
    case UnitPhase::kStopPost:
      if (!good) {
        host_.Log(LogLevel::kWarning, run.unit->name + ": a stop command: " + Describe(status));
        if (!run.failed) {
          run.failed = true;
          run.result = ResultOf(status);
          run.reason = "a stop command: " + Describe(status);
        }
        run.command = commands.size();
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
  const std::size_t last = service.start.empty() ? 0 : service.start.size() - 1;
  const std::size_t at = std::min(run.command, last);
  const bool ignored = run.phase == UnitPhase::kStart && at < service.start.size() &&
                       (service.start[at].flags & unit::kIgnoreFailure) != 0;
  const bool clean = IsClean(status, service) || ignored ||
                     (type != ServiceType::kOneshot && !service.start.empty() &&
                      (service.start.front().flags & unit::kIgnoreFailure) != 0);
  run.end = WIFEXITED(status)   ? (clean ? ProcessEnd::kClean : ProcessEnd::kExited)
            : WCOREDUMP(status) ? ProcessEnd::kDumped
                                : ProcessEnd::kKilled;
  run.end_status = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
  // A shell that has lost a child to the kernel ends by itself, not by a signal.
  const bool oom =
      !clean && service.oom_policy != unit::OomPolicy::kContinue && host_.HadOomKill(*run.unit);
  const std::string_view result = oom ? "oom-kill" : ResultOf(status);
  ++generation_;
  switch (run.phase) {
    case UnitPhase::kStart:
      if (type == ServiceType::kOneshot) {
        if (!clean) return Fail(run, result, Describe(status), now);
        if (++run.command < service.start.size()) return LaunchMain(run, now);
        return RunPhase(run, UnitPhase::kStartPost, now);
      }
      if (!clean) return Fail(run, result, "before it was ready: " + Describe(status), now);
      return Fail(run, "protocol", "it ended before READY=1: " + Describe(status), now);
    case UnitPhase::kStartPost:
      if (!clean) return Fail(run, result, Describe(status), now);
      return;  // decided when ExecStartPost= is done
    case UnitPhase::kRunning:
    case UnitPhase::kReload:
      if (!clean) {
        run.failed = true;
        run.result = result;
        run.reason = Describe(status);
      } else if (service.exit_type_cgroup && !host_.GroupIsEmpty(*run.unit)) {
        watched_.insert(&run);
        return;
      } else if (service.oom_policy != unit::OomPolicy::kContinue && host_.HadOomKill(*run.unit)) {
        run.failed = true;
        run.result = "oom-kill";
        run.reason = "the kernel has killed a process for its memory";
      } else if (service.remain_after_exit) {
        return Enter(run, UnitPhase::kExited, now, unit::kForever);
      }
      return StopService(run, now);
    default:
      if (!clean && !run.failed && run.IsStopping()) {
        run.failed = true;
        run.result = result;
        run.reason = Describe(status);
      }
      return CheckStopped(run, now);
  }
}

}  // namespace inro::guest
