// What the supervisor knows of one unit while it has been part of a job.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "guest/init/job.h"
#include "unit/unit.h"

namespace inro::guest {

enum class UnitPhase : std::uint8_t {
  kInactive,
  kCondition,
  kStartPre,
  kStart,
  kStartPost,
  kRunning,
  kExited,
  kReload,
  kActive,
  kStop,
  kStopWatchdog,  // SIGABRT was sent
  kStopSigterm,
  kStopSigkill,
  kStopPost,
  kFailed,
  kAutoRestart,
};
// As systemctl says "sub".
std::string_view ToString(UnitPhase phase);

// What one datagram of $NOTIFY_SOCKET says; see notify_socket.h.
struct NotifyMessage {
  bool ready = false;
  bool stopping = false;
  bool reloading = false;
  bool watchdog = false;          // WATCHDOG=1
  bool watchdog_trigger = false;  // WATCHDOG=trigger
  std::optional<Time> watchdog_usec;
  std::optional<pid_t> main_pid;
  std::optional<std::string> status;
  std::optional<Time> extend_timeout;
  bool store = false;         // FDSTORE=1
  bool store_remove = false;  // FDSTOREREMOVE=1
  std::string store_name;     // FDNAME=; empty when it is none that may be used
  std::vector<UniqueFd> descriptors;
};

// Kept for the next process of the unit.
struct StoredDescriptor {
  UniqueFd fd;
  std::string name;
};

enum class ProcessEnd : std::uint8_t { kNone, kClean, kExited, kKilled, kDumped };

struct UnitRun {
  unit::Unit* unit = nullptr;
  // Of a unit that was read anew while this ran: the new one, taken when it is down.
  std::unique_ptr<unit::Unit> retired;  // kept alive: the loader that had it is gone
  UnitPhase phase = UnitPhase::kInactive;
  pid_t main_pid = 0;
  pid_t control_pid = 0;
  pid_t bus_pid = 0;        // Type=dbus: waits until nobody owns the name any longer
  std::size_t command = 0;  // index in the list of the phase
  Time deadline = kNever;   // of the phase
  Time runtime_deadline = kNever;
  Time watchdog_deadline = kNever;
  Time queued_deadline = kNever;  // the earliest of all, by which the supervisor has queued it
  Time watchdog{0};               // 0: none
  Time since{0};                  // of the phase
  Time started{0};                // when it last left `inactive`; 0: never
  Time active{0};                 // when it was last up; 0: never
  Time stopping{0};               // when it last ceased to be up; 0: never
  Time inactive{0};               // when it last came down; 0: never
  unsigned restarts = 0;
  Time limit_begin{0};  // StartLimit*: the window and the starts in it
  unsigned limit_count = 0;
  bool stop_requested = false;
  bool failed = false;                  // how the present run will end
  bool condition_held = true;           // of the last start
  bool condition_skipped = false;       // by ExecCondition=
  bool ready = false;                   // READY=1 was seen
  bool bus_name_lost = false;           // Type=dbus
  ProcessEnd end = ProcessEnd::kNone;   // of the main process
  int end_status = 0;                   // the exit code or signal of the main process
  std::string_view result = "success";  // as systemd's Result=
  std::string reason;                   // why it failed, for people
  std::string status;                   // STATUS=
  std::string_view sub;                 // of sockets and timers: what "sub" is while active
  unsigned accepted = 0;                // connections that a socket has taken
  std::vector<StoredDescriptor> store;  // until it is down for good
  std::unique_ptr<PendingJob> job;
  // Why it was started by OnFailure= or OnSuccess=: variables for its processes.
  unit::Environment monitor;

  bool IsUp() const {
    return phase == UnitPhase::kRunning || phase == UnitPhase::kExited ||
           phase == UnitPhase::kActive || phase == UnitPhase::kReload;
  }
  bool IsDown() const { return phase == UnitPhase::kInactive || phase == UnitPhase::kFailed; }
  bool IsStopping() const { return phase >= UnitPhase::kStop && phase <= UnitPhase::kStopPost; }
  bool IsStarting() const {
    return phase >= UnitPhase::kCondition && phase <= UnitPhase::kStartPost;
  }
};

}  // namespace inro::guest
