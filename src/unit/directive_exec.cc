// Rows of the directive table: systemd.exec(5), but for the sandbox.
#include <linux/ioprio.h>
#include <sched.h>
#include <sys/resource.h>

#include "unit/directive_table.h"
#include "unit/exec_parse.h"

namespace inro::unit {
namespace parse {
namespace {

constexpr Choice<PreserveDirectory> kPreserves[] = {
    {"no", PreserveDirectory::kNo},
    {"yes", PreserveDirectory::kYes},
    {"restart", PreserveDirectory::kRestart},
};

constexpr Choice<int> kCpuPolicies[] = {
    {"other", SCHED_OTHER}, {"batch", SCHED_BATCH}, {"idle", SCHED_IDLE},
    {"fifo", SCHED_FIFO},   {"rr", SCHED_RR},
};

constexpr Choice<int> kIoClasses[] = {
    {"none", IOPRIO_CLASS_NONE}, {"0", IOPRIO_CLASS_NONE},         {"realtime", IOPRIO_CLASS_RT},
    {"1", IOPRIO_CLASS_RT},      {"best-effort", IOPRIO_CLASS_BE}, {"2", IOPRIO_CLASS_BE},
    {"idle", IOPRIO_CLASS_IDLE}, {"3", IOPRIO_CLASS_IDLE},
};

void Priority(DirectiveContext& context) {
  std::optional<int> priority;
  IntegerInto(context, priority, 1, 99);
  ExecOf(context.unit).cpu_priority = priority.value_or(0);
}

}  // namespace
}  // namespace parse

namespace {

constexpr Directive kRows[] = {
    {"AmbientCapabilities", Support::kEnforced, &parse::AmbientRow},
    {"CPUAffinity", Support::kEnforced, &parse::CpuAffinity},
    {"CPUSchedulingPolicy", Support::kEnforced,
     &parse::OneOf<&ExecSettings::cpu_policy, parse::kCpuPolicies>},
    {"CPUSchedulingPriority", Support::kEnforced, &parse::Priority},
    {"CPUSchedulingResetOnFork", Support::kEnforced,
     &parse::Bool<&ExecSettings::cpu_reset_on_fork>},
    {"CacheDirectory", Support::kEnforced, &parse::DirectoryNames, kCache},
    {"CacheDirectoryMode", Support::kEnforced, &parse::DirectoryMode, kCache},
    {"CapabilityBoundingSet", Support::kEnforced, &parse::BoundingRow},
    {"ConfigurationDirectory", Support::kEnforced, &parse::DirectoryNames, kConfiguration},
    {"ConfigurationDirectoryMode", Support::kEnforced, &parse::DirectoryMode, kConfiguration},
    {"CoredumpFilter", Support::kNotEnforced},
    {"DynamicUser", Support::kEnforced, &parse::Bool<&ExecSettings::dynamic_user>},
    {"Environment", Support::kEnforced, &parse::EnvironmentWords},
    {"EnvironmentFile", Support::kEnforced, &parse::EnvironmentFileRow},
    {"Group", Support::kEnforced, &parse::Text<&ExecSettings::group>},
    {"IOSchedulingClass", Support::kEnforced,
     &parse::OneOf<&ExecSettings::io_class, parse::kIoClasses>},
    {"IOSchedulingPriority", Support::kEnforced, &parse::Integer<&ExecSettings::io_priority, 0, 7>},
    {"IgnoreSIGPIPE", Support::kEnforced, &parse::Bool<&ExecSettings::ignore_sigpipe>},
    {"ImportCredential", Support::kNotEnforced},
    {"KeyringMode", Support::kNotEnforced},
    {"LimitAS", Support::kEnforced, &parse::ResourceLimitRow, RLIMIT_AS},
    {"LimitCORE", Support::kEnforced, &parse::ResourceLimitRow, RLIMIT_CORE},
    {"LimitCPU", Support::kEnforced, &parse::ResourceLimitRow, RLIMIT_CPU},
    {"LimitDATA", Support::kEnforced, &parse::ResourceLimitRow, RLIMIT_DATA},
    {"LimitFSIZE", Support::kEnforced, &parse::ResourceLimitRow, RLIMIT_FSIZE},
    {"LimitLOCKS", Support::kEnforced, &parse::ResourceLimitRow, RLIMIT_LOCKS},
    {"LimitMEMLOCK", Support::kEnforced, &parse::ResourceLimitRow, RLIMIT_MEMLOCK},
    {"LimitMSGQUEUE", Support::kEnforced, &parse::ResourceLimitRow, RLIMIT_MSGQUEUE},
    {"LimitNICE", Support::kEnforced, &parse::ResourceLimitRow, RLIMIT_NICE},
    {"LimitNOFILE", Support::kEnforced, &parse::ResourceLimitRow, RLIMIT_NOFILE},
    {"LimitNPROC", Support::kEnforced, &parse::ResourceLimitRow, RLIMIT_NPROC},
    {"LimitRSS", Support::kEnforced, &parse::ResourceLimitRow, RLIMIT_RSS},
    {"LimitRTPRIO", Support::kEnforced, &parse::ResourceLimitRow, RLIMIT_RTPRIO},
    {"LimitRTTIME", Support::kEnforced, &parse::ResourceLimitRow, RLIMIT_RTTIME},
    {"LimitSIGPENDING", Support::kEnforced, &parse::ResourceLimitRow, RLIMIT_SIGPENDING},
    {"LimitSTACK", Support::kEnforced, &parse::ResourceLimitRow, RLIMIT_STACK},
    {"LoadCredential", Support::kEnforced, &parse::LoadCredential},
    {"LoadCredentialEncrypted", Support::kNotEnforced},
    {"LogExtraFields", Support::kHarmless},
    {"LogFilterPatterns", Support::kNotEnforced},
    {"LogLevelMax", Support::kEnforced, &parse::LogLevelMax},
    {"LogNamespace", Support::kNotEnforced},
    {"LogRateLimitBurst", Support::kHarmless},
    {"LogRateLimitIntervalSec", Support::kHarmless},
    {"LogsDirectory", Support::kEnforced, &parse::DirectoryNames, kLogs},
    {"LogsDirectoryMode", Support::kEnforced, &parse::DirectoryMode, kLogs},
    {"NUMAMask", Support::kNotEnforced},
    {"NUMAPolicy", Support::kNotEnforced},
    {"Nice", Support::kEnforced, &parse::Integer<&ExecSettings::nice, -20, 19>},
    {"NoNewPrivileges", Support::kEnforced, &parse::Bool<&ExecSettings::no_new_privileges>},
    {"NonBlocking", Support::kEnforced, &parse::Bool<&ExecSettings::non_blocking>},
    {"OOMScoreAdjust", Support::kEnforced,
     &parse::Integer<&ExecSettings::oom_score_adjust, -1000, 1000>},
    {"PAMName", Support::kNotEnforced},
    {"PassEnvironment", Support::kEnforced, &parse::Words<&ExecSettings::pass_environment>},
    {"RemoveIPC", Support::kNotEnforced},
    {"RootDirectory", Support::kEnforced, &parse::Path<&ExecSettings::root_directory>},
    {"RuntimeDirectory", Support::kEnforced, &parse::DirectoryNames, kRuntime},
    {"RuntimeDirectoryMode", Support::kEnforced, &parse::DirectoryMode, kRuntime},
    {"RuntimeDirectoryPreserve", Support::kEnforced,
     &parse::OneOf<&ExecSettings::preserve_runtime, parse::kPreserves>},
    {"SecureBits", Support::kEnforced, &parse::SecureBits},
    {"SetCredential", Support::kEnforced, &parse::SetCredential},
    {"SetCredentialEncrypted", Support::kNotEnforced},
    {"SetLoginEnvironment", Support::kHarmless},
    {"StandardError", Support::kEnforced, &parse::ErrorRow},
    {"StandardInput", Support::kEnforced, &parse::InputRow},
    {"StandardInputData", Support::kEnforced, &parse::InputData},
    {"StandardInputText", Support::kEnforced, &parse::InputText},
    {"StandardOutput", Support::kEnforced, &parse::OutputRow},
    {"StateDirectory", Support::kEnforced, &parse::DirectoryNames, kState},
    {"StateDirectoryMode", Support::kEnforced, &parse::DirectoryMode, kState},
    {"SupplementaryGroups", Support::kEnforced, &parse::Words<&ExecSettings::supplementary_groups>},
    {"SyslogFacility", Support::kEnforced, &parse::SyslogFacility},
    {"SyslogIdentifier", Support::kEnforced, &parse::Text<&ExecSettings::syslog_identifier>},
    {"SyslogLevel", Support::kEnforced, &parse::SyslogLevel},
    {"SyslogLevelPrefix", Support::kEnforced, &parse::Bool<&ExecSettings::syslog_level_prefix>},
    {"TTYColumns", Support::kHarmless},
    {"TTYPath", Support::kEnforced, &parse::Path<&ExecSettings::tty_path>},
    {"TTYReset", Support::kEnforced, &parse::Bool<&ExecSettings::tty_reset>},
    {"TTYRows", Support::kHarmless},
    {"TTYVHangup", Support::kHarmless},
    {"TTYVTDisallocate", Support::kHarmless},
    {"TimeoutCleanSec", Support::kHarmless},
    {"TimerSlackNSec", Support::kEnforced, &parse::TimerSlack},
    {"UMask", Support::kEnforced, &parse::UmaskRow},
    {"UnsetEnvironment", Support::kEnforced, &parse::Words<&ExecSettings::unset_environment>},
    {"User", Support::kEnforced, &parse::Text<&ExecSettings::user>},
    {"UtmpIdentifier", Support::kHarmless},
    {"UtmpMode", Support::kHarmless},
    {"WorkingDirectory", Support::kEnforced, &parse::WorkingDirectory},
};
static_assert(IsSorted(kRows));

}  // namespace

constinit const std::span<const Directive> kExecDirectives = kRows;

}  // namespace inro::unit
