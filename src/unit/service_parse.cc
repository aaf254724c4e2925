#include "unit/service_parse.h"

namespace inro::unit::parse {
namespace {

// 0 means none, for the sake of old unit files.
bool TimeoutInto(DirectiveContext& context, Microseconds& target) {
  TimeSpanInto(context, target);
  if (!context.problem.empty()) return false;
  if (target.count() == 0) target = kForever;
  return true;
}

}  // namespace

void StartTimeout(DirectiveContext& context) {
  ServiceSettings& service = *context.unit.service;
  if (TimeoutInto(context, service.start_timeout)) service.start_timeout_set = true;
}

void StopTimeout(DirectiveContext& context) {
  TimeoutInto(context, context.unit.service->stop_timeout);
}

void AbortTimeout(DirectiveContext& context) {
  auto& target = context.unit.service->abort_timeout;
  if (context.value.empty()) {
    target.reset();
    return;
  }
  Microseconds value{};
  if (TimeoutInto(context, value)) target = value;
}

void BothTimeouts(DirectiveContext& context) {
  StartTimeout(context);
  StopTimeout(context);
}

void RuntimeMax(DirectiveContext& context) {
  TimeoutInto(context, context.unit.service->runtime_max);
}

void StartLimitInterval(DirectiveContext& context) {
  TimeSpanInto(context, context.unit.start_limit.interval);
}

void StartLimitAction(DirectiveContext& context) {
  for (const auto& choice : kSystemActions) {
    if (choice.word != context.value) continue;
    context.unit.start_limit.action = choice.value;
    return;
  }
  context.problem = "expected an action like reboot or poweroff-force";
}

void StartLimitBurst(DirectiveContext& context) {
  UnsignedInto(context, context.unit.start_limit.burst);
}

void PidFile(DirectiveContext& context) {
  std::string path;
  if (!Expand(context, context.value, path)) return;
  if (!path.empty() && !path.starts_with('/')) path = "/run/" + path;
  if (path.starts_with("/var/run/")) path = "/run/" + path.substr(9);
  context.unit.service->pid_file = CleanPath(path);
}

void OptionalSignalInto(DirectiveContext& context, std::optional<int>& target) {
  if (context.value.empty()) {
    target.reset();
    return;
  }
  int number = 0;
  SignalInto(context, number);
  if (context.problem.empty()) target = number;
}

}  // namespace inro::unit::parse
