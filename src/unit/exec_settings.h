// How a process of a unit is executed (systemd.exec(5)), what it may see and do, and what it may
// use (systemd.resource-control(5)). Plain data.
#pragma once

#include <sys/types.h>

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "unit/command_line.h"
#include "unit/value.h"

namespace inro::unit {

enum class StandardStream {
  kInherit,
  kNull,
  kTty,
  kJournal,
  kKmsg,
  kConsole,
  kFile,
  kAppend,
  kTruncate,
  kSocket,
  kFd,
  kData,  // StandardInputText=, StandardInputData=
};

struct StreamSetting {
  StandardStream kind = StandardStream::kInherit;
  std::string path;          // of file:, append: and truncate:; the name of fd:
  bool and_console = false;  // journal+console, kmsg+console
  bool tty_force = false;
  bool tty_fail = false;
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

// LoadCredential= (a path, or a folder) and SetCredential= (the content).
struct CredentialSetting {
  std::string id;
  std::string path;  // absolute, or the name of a credential of the system; empty: `content`
  std::string content;
};

// One path of ReadWritePaths= and its kin.
struct SandboxPath {
  std::string path;
  bool optional = false;      // "-"
  bool beneath_root = false;  // "+": relative to RootDirectory=
};
struct BindPath {
  std::string source, destination;
  bool optional = false, read_only = false, recursive = true;
};
struct TemporaryFileSystem {
  std::string path, options;
};

enum class ProtectSystem { kNo, kYes, kFull, kStrict };
enum class ProtectHome { kNo, kYes, kReadOnly, kTmpfs };
enum class ProtectProc { kDefault, kNoAccess, kInvisible, kPtraceable };

// SystemCallFilter=: a list of calls that alone may be used (`allow_list`; @default is always with
// them), or that may not. To be worked off in order: "NAME" or "@GROUP" puts into the list, with
// "~" in front takes out of it (`@system-service` followed by `~@privileged` in the unit file).
// ":EPERM" or ":1" after a name of a list of forbidden calls is its own errno, ":kill" kills.
struct SystemCallRules {
  bool allow_list = false;
  std::vector<std::string> calls;
};

struct SandboxSettings {
  bool private_tmp = false, private_devices = false, private_network = false;
  bool private_ipc = false, private_users = false, private_mounts = false;
  bool protect_hostname = false, protect_clock = false;
  bool protect_kernel_tunables = false, protect_kernel_modules = false;
  bool protect_kernel_logs = false, protect_control_groups = false;
  ProtectSystem protect_system = ProtectSystem::kNo;
  ProtectHome protect_home = ProtectHome::kNo;
  ProtectProc protect_proc = ProtectProc::kDefault;
  bool proc_subset_pid = false;
  std::vector<SandboxPath> read_write, read_only, inaccessible, exec, no_exec;
  std::vector<BindPath> binds;
  std::vector<TemporaryFileSystem> temporary;
  std::string network_namespace_path, ipc_namespace_path;
  std::optional<unsigned long> mount_propagation;  // MountFlags=

  bool lock_personality = false, memory_deny_write_execute = false;
  bool restrict_realtime = false, restrict_suid_sgid = false;
  // RestrictNamespaces=: CLONE_NEW* flags that stay allowed; absent: no restriction.
  std::optional<unsigned long> allowed_namespaces;
  // RestrictAddressFamilies=: AF_* numbers.
  struct AddressFamilies {
    bool allow_list = false;
    std::vector<int> families;
  };
  std::optional<AddressFamilies> address_families;
  std::optional<SystemCallRules> system_calls;
  std::optional<int> system_call_errno;  // absent: the process is killed
  std::vector<std::string> system_call_architectures;
  std::optional<unsigned long> personality;
};

// "N", "N%" of the whole (in 1/10000, as `percent`), or "infinity".
struct ResourceLimit {
  std::optional<std::uint64_t> value;  // absent with percent absent: infinity
  std::optional<unsigned> permyriad;
};

enum class DevicePolicy { kAuto, kClosed, kStrict };
struct DeviceRule {
  std::string device;  // a path, or char-NAME, block-NAME
  std::string access;  // of "rwm"
};

// Control group v2. Absent: the kernel's default.
struct ResourceSettings {
  std::optional<ResourceLimit> memory_min, memory_low, memory_high, memory_max, memory_swap_max;
  std::optional<ResourceLimit> tasks_max;
  std::optional<unsigned> cpu_quota_permyriad;  // of one CPU: 2500 is 25 %
  Microseconds cpu_quota_period{100'000};
  std::optional<unsigned> cpu_weight;  // 1..10000; 0: idle
  std::optional<unsigned> io_weight;   // 1..10000
  std::vector<unsigned> allowed_cpus, allowed_memory_nodes;
  std::string slice;  // Slice=; empty: system.slice
  bool delegate = false;
  DevicePolicy device_policy = DevicePolicy::kAuto;
  std::vector<DeviceRule> devices;
};

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
  StreamSetting output{StandardStream::kInherit, ""};  // inherit: of a two-way input, else journal
  StreamSetting error{StandardStream::kInherit, ""};
  std::string tty_path = "/dev/console";
  std::string syslog_identifier;
  int syslog_facility = 3;  // daemon
  int syslog_level = 6;     // info
  bool syslog_level_prefix = true;
  int log_level_max = 7;  // LogLevelMax=
  bool tty_reset = false;
  std::string input_data;  // StandardInputText=, StandardInputData=
  std::string root_directory;
  bool dynamic_user = false;
  std::vector<unsigned> cpu_affinity;  // CPU numbers; empty: not set
  std::optional<int> io_class;         // IOPRIO_CLASS_*
  std::optional<int> io_priority;      // 0..7
  std::optional<int> cpu_policy;       // SCHED_*
  int cpu_priority = 0;
  bool cpu_reset_on_fork = false;
  std::optional<std::uint64_t> timer_slack_ns;
  unsigned secure_bits = 0;
  bool non_blocking = false;
  std::vector<CredentialSetting> credentials;
  SandboxSettings sandbox;
  ResourceSettings resources;
};

}  // namespace inro::unit
