// Rows of the directive table: [Unit] and [Install] (systemd.unit(5)), and the sections of units
// that this init does not run.
#include "unit/directive_table.h"
#include "unit/service_parse.h"
#include "unit/unit_parse.h"

namespace inro::unit {
namespace {

constexpr Directive kUnitRows[] = {
    {"After", Support::kEnforced, &parse::Units<&Unit::after>},
    {"AllowIsolate", Support::kEnforced, &parse::Bool<&Unit::allow_isolate>},
    {"Before", Support::kEnforced, &parse::Units<&Unit::before>},
    {"BindTo", Support::kEnforced, &parse::Units<&Unit::binds_to>},
    {"BindsTo", Support::kEnforced, &parse::Units<&Unit::binds_to>},
    {"CollectMode", Support::kHarmless},
    {"Conflicts", Support::kEnforced, &parse::Units<&Unit::conflicts>},
    {"DefaultDependencies", Support::kEnforced, &parse::Bool<&Unit::default_dependencies>},
    {"Description", Support::kEnforced, &parse::Text<&Unit::description>},
    {"Documentation", Support::kEnforced, &parse::Words<&Unit::documentation>},
    {"FailureAction", Support::kEnforced,
     &parse::OneOf<&Unit::failure_action, parse::kSystemActions>},
    {"FailureActionExitStatus", Support::kEnforced,
     &parse::Integer<&Unit::failure_exit_status, 0, 255>},
    {"IgnoreOnIsolate", Support::kEnforced, &parse::Bool<&Unit::ignore_on_isolate>},
    {"JobRunningTimeoutSec", Support::kEnforced, &parse::TimeSpan<&Unit::job_running_timeout>},
    {"JobTimeoutAction", Support::kEnforced,
     &parse::OneOf<&Unit::job_timeout_action, parse::kSystemActions>},
    {"JobTimeoutRebootArgument", Support::kHarmless},
    {"JobTimeoutSec", Support::kEnforced, &parse::TimeSpan<&Unit::job_timeout>},
    {"JoinsNamespaceOf", Support::kEnforced, &parse::Units<&Unit::joins_namespace_of>},
    {"OnFailure", Support::kEnforced, &parse::Units<&Unit::on_failure>},
    {"OnFailureIsolate", Support::kNotEnforced},
    {"OnFailureJobMode", Support::kNotEnforced},
    {"OnSuccess", Support::kEnforced, &parse::Units<&Unit::on_success>},
    {"OnSuccessJobMode", Support::kNotEnforced},
    {"PartOf", Support::kEnforced, &parse::Units<&Unit::part_of>},
    {"PropagateReloadFrom", Support::kEnforced, &parse::Units<&Unit::reload_propagated_from>},
    {"PropagateReloadTo", Support::kEnforced, &parse::Units<&Unit::propagates_reload_to>},
    {"PropagatesReloadTo", Support::kEnforced, &parse::Units<&Unit::propagates_reload_to>},
    {"PropagatesStopTo", Support::kEnforced, &parse::Units<&Unit::propagates_stop_to>},
    {"RebootArgument", Support::kHarmless},
    {"RefuseManualStart", Support::kEnforced, &parse::Bool<&Unit::refuse_manual_start>},
    {"RefuseManualStop", Support::kEnforced, &parse::Bool<&Unit::refuse_manual_stop>},
    {"ReloadPropagatedFrom", Support::kEnforced, &parse::Units<&Unit::reload_propagated_from>},
    {"Requires", Support::kEnforced, &parse::Units<&Unit::requires_>},
    {"RequiresMountsFor", Support::kEnforced, &parse::MountPaths},
    {"Requisite", Support::kEnforced, &parse::Units<&Unit::requisite>},
    {"SourcePath", Support::kEnforced, &parse::Path<&Unit::source_path>},
    {"StartLimitAction", Support::kEnforced, &parse::StartLimitAction},
    {"StartLimitBurst", Support::kEnforced, &parse::StartLimitBurst},
    {"StartLimitInterval", Support::kEnforced, &parse::StartLimitInterval},
    {"StartLimitIntervalSec", Support::kEnforced, &parse::StartLimitInterval},
    {"StopPropagatedFrom", Support::kEnforced, &parse::Units<&Unit::stop_propagated_from>},
    {"StopWhenUnneeded", Support::kEnforced, &parse::Bool<&Unit::stop_when_unneeded>},
    {"SuccessAction", Support::kEnforced,
     &parse::OneOf<&Unit::success_action, parse::kSystemActions>},
    {"SuccessActionExitStatus", Support::kEnforced,
     &parse::Integer<&Unit::success_exit_status, 0, 255>},
    {"SurviveFinalKillSignal", Support::kNotEnforced},
    {"Upholds", Support::kEnforced, &parse::Units<&Unit::upholds>},
    {"Wants", Support::kEnforced, &parse::Units<&Unit::wants>},
    {"WantsMountsFor", Support::kNotEnforced},
};
static_assert(IsSorted(kUnitRows));

constexpr Directive kInstallRows[] = {
    {"Alias", Support::kEnforced, &parse::Units<&Unit::install_alias>},
    {"Also", Support::kEnforced, &parse::Units<&Unit::install_also>},
    {"DefaultInstance", Support::kEnforced, &parse::DefaultInstance},
    {"RequiredBy", Support::kEnforced, &parse::Units<&Unit::install_required_by>},
    {"UpheldBy", Support::kEnforced, &parse::Units<&Unit::install_upheld_by>},
    {"WantedBy", Support::kEnforced, &parse::Units<&Unit::install_wanted_by>},
};
static_assert(IsSorted(kInstallRows));

constexpr Directive kPathRows[] = {
    {"DirectoryMode"}, {"DirectoryNotEmpty"}, {"MakeDirectory"},
    {"PathChanged"},   {"PathExists"},        {"PathExistsGlob"},
    {"PathModified"},  {"TriggerLimitBurst"}, {"TriggerLimitIntervalSec"},
    {"Unit"},
};
static_assert(IsSorted(kPathRows));

constexpr Directive kSwapRows[] = {
    {"Options"},
    {"Priority"},
    {"TimeoutSec"},
    {"What"},
};
static_assert(IsSorted(kSwapRows));

constexpr Directive kAutomountRows[] = {
    {"DirectoryMode"},
    {"ExtraOptions"},
    {"TimeoutIdleSec"},
    {"Where"},
};
static_assert(IsSorted(kAutomountRows));

constexpr Directive kScopeRows[] = {
    {"OOMPolicy"},
    {"RuntimeMaxSec"},
    {"RuntimeRandomizedExtraSec"},
    {"TimeoutStopSec"},
};
static_assert(IsSorted(kScopeRows));

}  // namespace

constinit const std::span<const Directive> kUnitDirectives = kUnitRows;
constinit const std::span<const Directive> kInstallDirectives = kInstallRows;
constinit const std::span<const Directive> kPathDirectives = kPathRows;
constinit const std::span<const Directive> kSwapDirectives = kSwapRows;
constinit const std::span<const Directive> kAutomountDirectives = kAutomountRows;
constinit const std::span<const Directive> kScopeDirectives = kScopeRows;

}  // namespace inro::unit
