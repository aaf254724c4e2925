// Parsers and words of the rows of systemd.service(5) and systemd.kill(5). Private to the directive
// table.
#pragma once

#include "unit/directive_parse.h"

namespace inro::unit::parse {

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

inline constexpr Choice<FailureMode> kFailureModes[] = {
    {"terminate", FailureMode::kTerminate},
    {"abort", FailureMode::kAbort},
    {"kill", FailureMode::kKill},
};

inline constexpr Choice<OomPolicy> kOomPolicies[] = {
    {"continue", OomPolicy::kContinue},
    {"stop", OomPolicy::kStop},
    {"kill", OomPolicy::kKill},
};

inline constexpr Choice<bool> kExitTypes[] = {{"main", false}, {"cgroup", true}};

void StartTimeout(DirectiveContext& context);
void StopTimeout(DirectiveContext& context);
void AbortTimeout(DirectiveContext& context);
void BothTimeouts(DirectiveContext& context);
void RuntimeMax(DirectiveContext& context);
void StartLimitInterval(DirectiveContext& context);
void StartLimitBurst(DirectiveContext& context);
void StartLimitAction(DirectiveContext& context);
void PidFile(DirectiveContext& context);
void OptionalSignalInto(DirectiveContext& context, std::optional<int>& target);

template <auto kMember>
void OptionalSignal(DirectiveContext& c) {
  OptionalSignalInto(c, *In(c.unit, kMember));
}

// The settings of systemd.kill(5) are kept for services alone; the processes of the others are
// ended with their defaults.
template <void (*kParse)(DirectiveContext&)>
void OfService(DirectiveContext& c) {
  if (c.unit.service) {
    kParse(c);
  } else {
    c.not_enforced = true;
  }
}

}  // namespace inro::unit::parse
