// The model of a unit: what its files say, with defaults, after specifiers are expanded. Plain
// data; made by the loader, read by the transaction and by init.
#pragma once

#include <sys/types.h>

#include <array>
#include <bitset>
#include <csignal>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "unit/command_line.h"
#include "unit/exec_settings.h"
#include "unit/finding.h"
#include "unit/socket_settings.h"
#include "unit/timer_settings.h"
#include "unit/unit_name.h"
#include "unit/value.h"

namespace inro::unit {

enum class LoadState {
  kLoaded,
  kNotFound,
  kMasked,
  kBad,    // what it says cannot be a unit
  kError,  // its file cannot be read to the end
};

// What SuccessAction= and FailureAction= may ask of the whole system.
enum class SystemAction {
  kNone,
  kPoweroff,
  kPoweroffForce,
  kPoweroffImmediate,
  kReboot,
  kRebootForce,
  kRebootImmediate,
  kHalt,
  kHaltForce,
  kHaltImmediate,
  kExit,
  kExitForce,
};

enum class ConditionKind {
  kKernelCommandLine,
  kPathExists,
  kPathExistsGlob,
  kPathIsDirectory,
  kPathIsSymbolicLink,
  kPathIsMountPoint,
  kPathIsReadWrite,
  kDirectoryNotEmpty,
  kFileNotEmpty,
  kFileIsExecutable,
  kCapability,
  kVirtualization,
  kArchitecture,
  kUser,
  kNeedsUpdate,
  kFirstBoot,
  kACPower,
  kCpuFeature,
  kCpuPressure,
  kCpus,
  kControlGroupController,
  kCredential,
  kEnvironment,
  kFirmware,
  kGroup,
  kHost,
  kIoPressure,
  kKernelModuleLoaded,
  kKernelVersion,
  kMemory,
  kMemoryPressure,
  kOsRelease,
  kPathIsEncrypted,
  kPathIsSocket,
  kSecurity,
  kVersion,
};

struct Condition {
  ConditionKind kind{};
  bool trigger = false;    // "|": one of all triggers must hold
  bool negate = false;     // "!"
  bool assertion = false;  // Assert*=: a failure fails the unit
  std::string value;
};

enum class ServiceType { kSimple, kExec, kOneshot, kNotify, kNotifyReload, kForking, kIdle, kDbus };
enum class Restart { kNo, kAlways, kOnSuccess, kOnFailure, kOnAbnormal, kOnAbort, kOnWatchdog };
enum class KillMode { kControlGroup, kMixed, kProcess, kNone };
enum class NotifyAccess { kUnset, kNone, kMain, kExec, kAll };
// TimeoutStartFailureMode= and TimeoutStopFailureMode=.
enum class FailureMode { kTerminate, kAbort, kKill };
enum class OomPolicy { kContinue, kStop, kKill };
struct ExitStatusSet {
  std::bitset<256> codes;
  std::bitset<65> signals;
};

struct ServiceSettings {
  std::optional<ServiceType> type;
  std::vector<Command> condition, start_pre, start, start_post, reload, stop, stop_post;
  bool remain_after_exit = false;
  std::string pid_file;
  Restart restart = Restart::kNo;
  Microseconds restart_delay{100'000};
  Microseconds start_timeout{90'000'000};  // kForever: none
  bool start_timeout_set = false;
  Microseconds stop_timeout{90'000'000};
  ExitStatusSet success_status, restart_prevent, restart_force;
  NotifyAccess notify_access = NotifyAccess::kUnset;
  std::optional<Microseconds> abort_timeout;  // TimeoutAbortSec=; absent: as stop_timeout
  Microseconds watchdog{0};                   // WatchdogSec=; 0: none
  Microseconds runtime_max = kForever;
  std::string bus_name;              // Type=dbus
  std::vector<std::string> sockets;  // Sockets=
  unsigned fd_store_max = 0;         // FileDescriptorStoreMax=
  int watchdog_signal = SIGABRT;
  int reload_signal = SIGHUP;
  std::optional<int> restart_kill_signal;
  FailureMode start_failure_mode = FailureMode::kTerminate;
  FailureMode stop_failure_mode = FailureMode::kTerminate;
  OomPolicy oom_policy = OomPolicy::kStop;
  bool exit_type_cgroup = false;  // ExitType=cgroup: it runs as long as any of its processes
  KillMode kill_mode = KillMode::kControlGroup;
  int kill_signal = SIGTERM;
  int final_kill_signal = SIGKILL;
  bool send_sigkill = true;
  bool send_sighup = false;
  ExecSettings exec;

  // Type=, or its default: simple with ExecStart=, else oneshot.
  ServiceType EffectiveType() const;
};

struct MountSettings {
  std::string what, where, type, options;
  mode_t directory_mode = 0755;
  bool lazy_unmount = false, force_unmount = false, read_write_only = false;
  Microseconds timeout{90'000'000};
  bool sloppy_options = false;
  ExecSettings exec;
};

struct StartLimit {
  Microseconds interval{10'000'000};
  unsigned burst = 5;
  SystemAction action = SystemAction::kNone;  // StartLimitAction=
};

struct Unit {
  std::string name;
  UnitKind kind = UnitKind::kTarget;
  LoadState state = LoadState::kNotFound;
  std::string problem;             // why the state is kBad or kError
  std::vector<std::string> files;  // the fragment first, then drop-ins
  // Of what the files and link folders hold: a unit that is loaded again with the same number is
  // the same.
  std::uint64_t fingerprint = 0;
  std::string description;

  std::vector<std::string> requires_, wants, requisite, binds_to, conflicts;
  std::vector<std::string> before, after, on_failure, on_success;
  std::vector<std::string> part_of, upholds, propagates_reload_to, reload_propagated_from;
  std::vector<std::string> propagates_stop_to, stop_propagated_from;
  std::vector<std::string> joins_namespace_of, requires_mounts_for;
  // Of a socket with Accept=yes it is the template.
  std::vector<std::string> triggers;  // of a socket or timer: what it starts, filled by the loader
  std::vector<Condition> conditions;
  bool default_dependencies = true;
  bool ignore_on_isolate = false;
  bool refuse_manual_start = false, refuse_manual_stop = false;
  bool allow_isolate = false, stop_when_unneeded = false;
  Microseconds job_timeout = kForever;          // JobTimeoutSec=
  Microseconds job_running_timeout = kForever;  // JobRunningTimeoutSec=
  SystemAction job_timeout_action = SystemAction::kNone;
  std::string source_path;
  std::vector<std::string> documentation;
  SystemAction success_action = SystemAction::kNone;
  SystemAction failure_action = SystemAction::kNone;
  std::optional<int> success_exit_status, failure_exit_status;
  StartLimit start_limit;

  // [Install]
  std::vector<std::string> install_alias, install_wanted_by, install_required_by, install_also;
  std::vector<std::string> install_upheld_by;
  std::string install_default_instance;

  std::unique_ptr<ServiceSettings> service;  // of service units
  std::unique_ptr<MountSettings> mount;      // of mount units
  std::unique_ptr<SocketSettings> socket;    // of socket units
  std::unique_ptr<TimerSettings> timer;      // of timer units
  // [Slice], and the resources of a slice; services, sockets and mounts have theirs in `exec`.
  std::unique_ptr<ResourceSettings> slice;
};

}  // namespace inro::unit
