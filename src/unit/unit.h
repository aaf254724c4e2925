// The model of a unit: what its files say, with defaults, after specifiers are expanded. Plain
// data; made by the loader, read by the transaction and by init.
#pragma once

#include <sys/types.h>

#include <array>
#include <bitset>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "unit/command_line.h"
#include "unit/finding.h"
#include "unit/unit_name.h"
#include "unit/value.h"

namespace inro::unit {

enum class LoadState { kLoaded, kNotFound, kMasked, kBad };

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
enum class StandardStream {
  kInherit,
  kNull,
  kTty,
  kJournal,
  kKmsg,
  kConsole,
  kFile,
  kAppend,
  kTruncate
};

struct StreamSetting {
  StandardStream kind = StandardStream::kInherit;
  std::string path;  // of file:, append: and truncate:
};

// Directories that init makes before a service starts and hands to its user.
enum DirectoryKind { kRuntime, kState, kCache, kLogs, kConfiguration, kDirectoryKinds };
struct DirectorySetting {
  std::vector<std::string> names;  // relative, clean
  mode_t mode = 0755;
};
enum class PreserveDirectory { kNo, kYes, kRestart };

inline constexpr int kLimitCount = 16;  // RLIMIT_NLIMITS
inline constexpr int kCapabilityCount = 64;
using CapabilitySet = std::bitset<kCapabilityCount>;

struct ExecSettings {
  Environment environment;
  struct EnvironmentFile {
    std::string path;
    bool optional = false;
  };
  std::vector<EnvironmentFile> environment_files;
  std::vector<std::string> pass_environment;
  std::vector<std::string> unset_environment;
  std::string user;
  std::string group;
  std::vector<std::string> supplementary_groups;
  std::optional<mode_t> umask;
  std::string working_directory;  // "~" is the user's home
  bool working_directory_optional = false;
  std::array<std::optional<Limit>, kLimitCount> limits{};
  std::optional<int> nice;
  std::optional<int> oom_score_adjust;
  std::optional<CapabilitySet> bounding;
  CapabilitySet ambient;
  bool no_new_privileges = false;
  bool ignore_sigpipe = true;
  std::array<DirectorySetting, kDirectoryKinds> directories{};
  PreserveDirectory preserve_runtime = PreserveDirectory::kNo;
  StreamSetting input{StandardStream::kNull, ""};
  StreamSetting output{StandardStream::kJournal, ""};
  StreamSetting error{StandardStream::kInherit, ""};
  std::string tty_path = "/dev/console";
  std::string syslog_identifier;
};

struct ExitStatusSet {
  std::bitset<256> codes;
  std::bitset<65> signals;
};

struct ServiceSettings {
  std::optional<ServiceType> type;
  std::vector<Command> condition, start_pre, start, start_post, stop, stop_post;
  bool remain_after_exit = false;
  std::string pid_file;
  Restart restart = Restart::kNo;
  Microseconds restart_delay{100'000};
  Microseconds start_timeout{90'000'000};  // kForever: none
  bool start_timeout_set = false;
  Microseconds stop_timeout{90'000'000};
  ExitStatusSet success_status, restart_prevent, restart_force;
  NotifyAccess notify_access = NotifyAccess::kUnset;
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
};

struct StartLimit {
  Microseconds interval{10'000'000};
  unsigned burst = 5;
};

struct Unit {
  std::string name;
  UnitKind kind = UnitKind::kTarget;
  LoadState state = LoadState::kNotFound;
  std::string problem;             // why the state is kBad
  std::vector<std::string> files;  // the fragment first, then drop-ins
  std::string description;

  std::vector<std::string> requires_, wants, requisite, binds_to, conflicts;
  std::vector<std::string> before, after, on_failure, on_success;
  std::vector<Condition> conditions;
  bool default_dependencies = true;
  bool ignore_on_isolate = false;
  bool refuse_manual_start = false;
  SystemAction success_action = SystemAction::kNone;
  SystemAction failure_action = SystemAction::kNone;
  std::optional<int> success_exit_status, failure_exit_status;
  StartLimit start_limit;

  // [Install]
  std::vector<std::string> install_alias, install_wanted_by, install_required_by, install_also;

  std::unique_ptr<ServiceSettings> service;  // of service units
  std::unique_ptr<MountSettings> mount;      // of mount units
};

}  // namespace inro::unit
