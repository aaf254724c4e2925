// Rows of the directive table: systemd.service(5) and systemd.kill(5).
#include "unit/directive_table.h"
#include "unit/service_parse.h"

namespace inro::unit {
namespace {

constexpr Directive kRows[] = {
    {"BusName", Support::kEnforced, &parse::Text<&ServiceSettings::bus_name>},
    {"ExecCondition", Support::kEnforced, &parse::Commands<&ServiceSettings::condition>},
    {"ExecReload", Support::kEnforced, &parse::Commands<&ServiceSettings::reload>},
    {"ExecStart", Support::kEnforced, &parse::Commands<&ServiceSettings::start>},
    {"ExecStartPost", Support::kEnforced, &parse::Commands<&ServiceSettings::start_post>},
    {"ExecStartPre", Support::kEnforced, &parse::Commands<&ServiceSettings::start_pre>},
    {"ExecStop", Support::kEnforced, &parse::Commands<&ServiceSettings::stop>},
    {"ExecStopPost", Support::kEnforced, &parse::Commands<&ServiceSettings::stop_post>},
    {"ExitType", Support::kEnforced,
     &parse::OneOf<&ServiceSettings::exit_type_cgroup, parse::kExitTypes>},
    {"FailureAction", Support::kEnforced,
     &parse::OneOf<&Unit::failure_action, parse::kSystemActions>},
    {"FileDescriptorStoreMax", Support::kEnforced,
     &parse::Unsigned<&ServiceSettings::fd_store_max>},
    {"FileDescriptorStorePreserve", Support::kNotEnforced},
    {"GuessMainPID", Support::kHarmless},
    {"NotifyAccess", Support::kEnforced,
     &parse::OneOf<&ServiceSettings::notify_access, parse::kNotifyAccesses>},
    {"OOMPolicy", Support::kEnforced,
     &parse::OneOf<&ServiceSettings::oom_policy, parse::kOomPolicies>},
    {"OpenFile", Support::kNotEnforced},
    {"PIDFile", Support::kEnforced, &parse::PidFile},
    {"PermissionsStartOnly", Support::kNotEnforced},
    {"RebootArgument", Support::kHarmless},
    {"ReloadSignal", Support::kEnforced, &parse::Signal<&ServiceSettings::reload_signal>},
    {"RemainAfterExit", Support::kEnforced, &parse::Bool<&ServiceSettings::remain_after_exit>},
    {"Restart", Support::kEnforced, &parse::OneOf<&ServiceSettings::restart, parse::kRestarts>},
    {"RestartForceExitStatus", Support::kEnforced,
     &parse::ExitStatus<&ServiceSettings::restart_force>},
    {"RestartMaxDelaySec", Support::kNotEnforced},
    {"RestartMode", Support::kNotEnforced},
    {"RestartPreventExitStatus", Support::kEnforced,
     &parse::ExitStatus<&ServiceSettings::restart_prevent>},
    {"RestartSec", Support::kEnforced, &parse::TimeSpan<&ServiceSettings::restart_delay>},
    {"RestartSteps", Support::kNotEnforced},
    {"RootDirectoryStartOnly", Support::kNotEnforced},
    {"RuntimeMaxSec", Support::kEnforced, &parse::RuntimeMax},
    {"RuntimeRandomizedExtraSec", Support::kNotEnforced},
    {"Sockets", Support::kEnforced, &parse::Units<&ServiceSettings::sockets>},
    {"StartLimitAction", Support::kEnforced, &parse::StartLimitAction},
    {"StartLimitBurst", Support::kEnforced, &parse::StartLimitBurst},
    {"StartLimitInterval", Support::kEnforced, &parse::StartLimitInterval},
    {"StartLimitIntervalSec", Support::kEnforced, &parse::StartLimitInterval},
    {"SuccessAction", Support::kEnforced,
     &parse::OneOf<&Unit::success_action, parse::kSystemActions>},
    {"SuccessExitStatus", Support::kEnforced, &parse::ExitStatus<&ServiceSettings::success_status>},
    {"SysVStartPriority", Support::kHarmless},
    {"TimeoutAbortSec", Support::kEnforced, &parse::AbortTimeout},
    {"TimeoutSec", Support::kEnforced, &parse::BothTimeouts},
    {"TimeoutStartFailureMode", Support::kEnforced,
     &parse::OneOf<&ServiceSettings::start_failure_mode, parse::kFailureModes>},
    {"TimeoutStartSec", Support::kEnforced, &parse::StartTimeout},
    {"TimeoutStopFailureMode", Support::kEnforced,
     &parse::OneOf<&ServiceSettings::stop_failure_mode, parse::kFailureModes>},
    {"TimeoutStopSec", Support::kEnforced, &parse::StopTimeout},
    {"Type", Support::kEnforced, &parse::OneOf<&ServiceSettings::type, parse::kServiceTypes>},
    {"USBFunctionDescriptors", Support::kNotEnforced},
    {"USBFunctionStrings", Support::kNotEnforced},
    {"WatchdogSec", Support::kEnforced, &parse::TimeSpan<&ServiceSettings::watchdog>},
};
static_assert(IsSorted(kRows));

constexpr Directive kKillRows[] = {
    {"FinalKillSignal", Support::kEnforced,
     &parse::OfService<parse::Signal<&ServiceSettings::final_kill_signal>>},
    {"KillMode", Support::kEnforced,
     &parse::OfService<parse::OneOf<&ServiceSettings::kill_mode, parse::kKillModes>>},
    {"KillSignal", Support::kEnforced,
     &parse::OfService<parse::Signal<&ServiceSettings::kill_signal>>},
    {"RestartKillSignal", Support::kEnforced,
     &parse::OfService<parse::OptionalSignal<&ServiceSettings::restart_kill_signal>>},
    {"SendSIGHUP", Support::kEnforced,
     &parse::OfService<parse::Bool<&ServiceSettings::send_sighup>>},
    {"SendSIGKILL", Support::kEnforced,
     &parse::OfService<parse::Bool<&ServiceSettings::send_sigkill>>},
    {"WatchdogSignal", Support::kEnforced,
     &parse::OfService<parse::Signal<&ServiceSettings::watchdog_signal>>},
};
static_assert(IsSorted(kKillRows));

}  // namespace

constinit const std::span<const Directive> kServiceDirectives = kRows;
constinit const std::span<const Directive> kKillDirectives = kKillRows;

}  // namespace inro::unit
