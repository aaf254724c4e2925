// What the supervisor asks of the operating system: the seam that its tests fake.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "guest/init/activation.h"
#include "guest/init/kernel_log.h"
#include "unit/unit.h"

namespace inro::guest {

// How a command of a service is run.
struct LaunchOptions {
  bool main = false;                // the service's main process, else a control process
  pid_t main_pid = 0;               // $MAINPID, when there is one
  std::string_view service_result;  // $SERVICE_RESULT for ExecStop= and ExecStopPost=
  std::string_view exit_code;       // $EXIT_CODE: exited, killed, dumped
  std::string_view exit_status;     // $EXIT_STATUS
  // $WATCHDOG_USEC, and $WATCHDOG_PID is the process itself; 0: none.
  unit::Microseconds watchdog{0};
  // Of the unit's store (FDSTORE=1): passed after those of its sockets, to the main process.
  std::vector<PassedDescriptor> stored = {};
  unit::Environment environment;  // further variables ($MONITOR_UNIT and its kin)
};

struct UnitRun;

// Of a name on the system's bus.
enum class BusNameState : std::uint8_t { kOwned, kFree };

class ServiceHost {
 public:
  virtual ~ServiceHost() = default;

  // Starts one command with all of the unit's settings. The pid is a child of the caller; one that
  // cannot become its program ends with a status of sys::ChildExit. An error: no process could be
  // made.
  virtual Result<pid_t> Launch(const unit::Unit& unit, const unit::Command& command,
                               const LaunchOptions& options) = 0;
  // Whether that child has become its program (else it still sets itself up, or never will).
  virtual bool IsExecuted(pid_t) { return true; }
  // Evaluates one condition, without its "!" and "|".
  virtual bool Holds(const unit::Condition& condition) = 0;
  virtual void Kill(pid_t pid, int signal) = 0;
  // False for a process that has gone without being a child of ours (MAINPID=, PIDFile=).
  virtual bool IsAlive(pid_t) { return true; }
  // All processes of the unit's control group except `except`.
  virtual void KillGroup(const unit::Unit& unit, int signal, pid_t except) = 0;
  // True when the group has no process (or there are no control groups).
  virtual bool GroupIsEmpty(const unit::Unit& unit) = 0;
  // The process that PIDFile= names, or the only one of the group; 0 while there is none. It must
  // belong to the unit's group.
  virtual pid_t FindMainProcess(const unit::Unit& unit) = 0;
  // Begins to mount a mount unit in a child (so that nothing blocks), whose pid it gives; 0 when
  // its target is a mount point already. The child ends with 0 when it is mounted.
  virtual Result<pid_t> Mount(const unit::Unit& unit) = 0;
  // The same for unmounting; 0 when it is no mount point.
  virtual Result<pid_t> Unmount(const unit::Unit&) { return pid_t{0}; }
  // A socket begins to listen, a timer to count; the other way round. An error of kind kBadInput:
  // the owner that the unit names does not exist.
  virtual Result<> Activate(const unit::Unit& unit) {
    return Fail("{}: this init does not run units of this kind", unit.name);
  }
  virtual void Deactivate(const unit::Unit&) {}
  // After each change of a unit's phase.
  virtual void UnitChanged(const UnitRun&) {}
  // Begins to wait, in a child whose pid it gives, until a name of the system's bus is as `wanted`;
  // the child ends with 0 then.
  virtual Result<pid_t> WaitForBusName(const std::string& name, BusNameState) {
    return Fail("nobody can wait for {} on the bus", name);
  }
  // True when the kernel has killed a process of the unit's group for its memory since it started.
  virtual bool HadOomKill(const unit::Unit&) { return false; }
  // The unit is down for now (`restarting`: not for long): its run-time directories and group go.
  virtual void CleanUp(const unit::Unit& unit, bool restarting) = 0;
  virtual void Log(LogLevel level, std::string_view text) = 0;
};

}  // namespace inro::guest
