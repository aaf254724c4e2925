// Type=dbus: the service is up when its name is owned on the system's bus, and goes when it no
// longer is (systemd.service(5), "BusName="). Helper children ask the bus, so that PID 1 need not.
#include <sys/wait.h>

#include <csignal>

#include "guest/init/supervisor.h"

namespace inro::guest {

// The child's exit with 0 means that the name is owned.
void Supervisor::WaitForBusName(UnitRun& run, Time now) {
  const auto pid = host_.WaitForBusName(run.unit->service->bus_name, BusNameState::kOwned);
  if (!pid) {
    host_.Log(LogLevel::kWarning,
              run.unit->name + ": " + pid.error().ToString() + "; it counts as started at once");
    return RunPhase(run, UnitPhase::kStartPost, now);
  }
  run.control_pid = *pid;
  processes_[*pid] = &run;
}

// A name that has gone again meanwhile is free at once.
void Supervisor::WatchBusName(UnitRun& run) {
  const auto pid = host_.WaitForBusName(run.unit->service->bus_name, BusNameState::kFree);
  if (!pid) {
    host_.Log(LogLevel::kWarning, run.unit->name + ": " + pid.error().ToString() +
                                      "; it is not stopped when its name goes");
    return;
  }
  run.bus_pid = *pid;
  processes_[*pid] = &run;
}

void Supervisor::BusNameFreed(UnitRun& run, int status, Time now) {
  // A bus that has gone takes no name away: its services see that themselves.
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return;
  host_.Log(LogLevel::kInfo, run.unit->name + ": " + run.unit->service->bus_name +
                                 " is no longer owned by anyone on the bus");
  run.bus_name_lost = true;
  // A start or a reload that is under way looks at it when it is done.
  if (run.phase != UnitPhase::kRunning) return;
  if (run.unit->service->remain_after_exit) {
    return Enter(run, UnitPhase::kExited, now, unit::kForever);
  }
  StopService(run, now);
}

void Supervisor::EndBusWatch(UnitRun& run) {
  if (run.bus_pid <= 0) return;
  host_.Kill(run.bus_pid, SIGKILL);
  processes_.erase(run.bus_pid);
  run.bus_pid = 0;
}

}  // namespace inro::guest
