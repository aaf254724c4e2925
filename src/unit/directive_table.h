// The words that rows of the directive table accept, and the rows themselves by file. Private.
#pragma once

#include <span>

#include "unit/directive_parse.h"

namespace inro::unit {

std::span<const Directive> ServiceDirectives();  // [Service], sorted by name
std::span<const Directive> OtherDirectives();    // all other sections, sorted by section and name

namespace parse {

inline constexpr Choice<SystemAction> kSystemActions[] = {
    {"none", SystemAction::kNone},
    {"poweroff", SystemAction::kPoweroff},
    {"poweroff-force", SystemAction::kPoweroffForce},
    {"poweroff-immediate", SystemAction::kPoweroffImmediate},
    {"reboot", SystemAction::kReboot},
    {"reboot-force", SystemAction::kRebootForce},
    {"reboot-immediate", SystemAction::kRebootImmediate},
    {"halt", SystemAction::kHalt},
    {"halt-force", SystemAction::kHaltForce},
    {"halt-immediate", SystemAction::kHaltImmediate},
    {"exit", SystemAction::kExit},
    {"exit-force", SystemAction::kExitForce},
};

inline constexpr Choice<ServiceType> kServiceTypes[] = {
    {"simple", ServiceType::kSimple},   {"exec", ServiceType::kExec},
    {"oneshot", ServiceType::kOneshot}, {"notify", ServiceType::kNotify},
    {"forking", ServiceType::kForking}, {"notify-reload", ServiceType::kNotifyReload},
    {"idle", ServiceType::kIdle},       {"dbus", ServiceType::kDbus},
};

inline constexpr Choice<Restart> kRestarts[] = {
    {"no", Restart::kNo},
    {"always", Restart::kAlways},
    {"on-success", Restart::kOnSuccess},
    {"on-failure", Restart::kOnFailure},
    {"on-abnormal", Restart::kOnAbnormal},
    {"on-abort", Restart::kOnAbort},
    {"on-watchdog", Restart::kOnWatchdog},
};

inline constexpr Choice<KillMode> kKillModes[] = {
    {"control-group", KillMode::kControlGroup},
    {"mixed", KillMode::kMixed},
    {"process", KillMode::kProcess},
    {"none", KillMode::kNone},
};

inline constexpr Choice<NotifyAccess> kNotifyAccesses[] = {
    {"none", NotifyAccess::kNone},
    {"main", NotifyAccess::kMain},
    {"exec", NotifyAccess::kExec},
    {"all", NotifyAccess::kAll},
};

inline constexpr Choice<PreserveDirectory> kPreserves[] = {
    {"no", PreserveDirectory::kNo},
    {"yes", PreserveDirectory::kYes},
    {"restart", PreserveDirectory::kRestart},
};

}  // namespace parse
}  // namespace inro::unit
