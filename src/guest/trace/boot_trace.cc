#include "guest/trace/boot_trace.h"

#include <algorithm>
#include <charconv>

#include "protocol/trace_context.h"

namespace inro::guest::trace {
namespace {

using protocol::Attribute;
using protocol::Span;

constexpr std::string_view kAgentUnit = "kata-agent.service";
constexpr std::string_view kOwnUnit = "inro-trace.service";
constexpr std::size_t kMostSteps = 64;

bool IsUp(const UnitTimes& unit) { return unit.state == "active" || unit.state == "reloading"; }
bool IsDown(const UnitTimes& unit) { return unit.state == "inactive" || unit.state == "failed"; }

// Devices, slices and scopes are not started by anybody: they are there.
bool IsOfInterest(std::string_view name) {
  return !name.ends_with(".device") && !name.ends_with(".slice") && !name.ends_with(".scope");
}

void SetError(Span& span, std::string message) {
  span.status = protocol::SpanStatus{std::move(message), protocol::StatusCode::kError};
}

}  // namespace

std::vector<BootStep> ParseBootSteps(std::string_view text) {
  std::vector<BootStep> steps;
  bool heading = true;
  while (!text.empty() && steps.size() < kMostSteps) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t first = line.find('\t');
    const std::size_t second = line.find('\t', first + 1);
    if (std::exchange(heading, false) || second == std::string_view::npos) continue;
    BootStep step{std::string(line.substr(0, first)), 0, 0};
    std::from_chars(line.data() + first + 1, line.data() + second, step.start_us);
    std::from_chars(line.data() + second + 1, line.data() + line.size(), step.end_us);
    if (!step.name.empty() && step.end_us >= step.start_us) steps.push_back(std::move(step));
  }
  return steps;
}

std::vector<BootStep> StepsOf(const ManagerTimes& times) {
  std::vector<BootStep> steps;
  const auto add = [&](std::string name, std::uint64_t start_us, std::uint64_t end_us) {
    if (start_us != 0 && end_us >= start_us) steps.push_back({std::move(name), start_us, end_us});
  };
  add("systemd: set up", times.userspace_us, times.generators_start_us);
  add("systemd: generators", times.generators_start_us, times.generators_finish_us);
  add("systemd: load units", times.load_start_us, times.load_finish_us);
  return steps;
}

std::string BootTrace::IdOf(std::string_view what) const {
  return protocol::DerivedSpanId(trace_id_, what);
}

Span BootTrace::Make(std::string_view what, std::string name, std::string parent,
                     std::uint64_t start_us, std::uint64_t end_us) const {
  Span span;
  span.trace_id = trace_id_;
  span.span_id = IdOf(what);
  span.parent_span_id = std::move(parent);
  span.name = std::move(name);
  span.kind = protocol::SpanKind::kInternal;
  span.start_time_unix_nano.value = start_us * 1000;
  span.end_time_unix_nano.value = std::max(start_us, end_us) * 1000;
  return span;
}

std::vector<Span> BootTrace::Steps(const std::vector<BootStep>& steps) const {
  std::vector<Span> spans;
  for (const BootStep& step : steps) {
    Span span = Make("step " + step.name, step.name, IdOf("boot"), step.start_us, step.end_us);
    span.attributes.push_back(Attribute("boot.step", step.name));
    spans.push_back(std::move(span));
  }
  return spans;
}

std::vector<Span> BootTrace::Update(const std::vector<UnitTimes>& units, std::uint64_t now_us) {
  for (const UnitTimes& unit : units) Look(unit, now_us);
  std::vector<Span> spans;
  for (const UnitTimes& unit : units) {
    if (!IsOfInterest(unit.name) || unit.started_us == 0) continue;
    Seen& seen = seen_[unit.name];
    SayStart(unit, seen, now_us, spans);
    SayStop(unit, seen, now_us, spans);
    if (IsUp(unit)) seen.left_us = 0;
    if (IsUp(unit)) seen.up = true;
    if (IsDown(unit)) seen.up = false;
  }
  if (booted() && !boot_said_) {
    boot_said_ = true;
    spans.push_back(Make("boot", "boot", root_id(), 0, boot_end_us_));
    spans.back().attributes.push_back(Attribute("boot.target", target_));
  }
  return spans;
}

// The units that the guest's life hangs on: what they do decides whose child a span is.
void BootTrace::Look(const UnitTimes& unit, std::uint64_t now_us) {
  if (unit.name == target_ && unit.active_us != 0 && !booted()) boot_end_us_ = unit.active_us;
  if (unit.name != target_ && unit.name != kAgentUnit) return;
  const auto seen = seen_.find(unit.name);
  const bool was_up = (seen != seen_.end() && seen->second.up) || unit.active_us != 0;
  if (ending() || !was_up || IsUp(unit) || unit.state == "activating") return;
  ending_us_ = unit.stopping_us != 0 ? unit.stopping_us : now_us;
}

void BootTrace::SayStart(const UnitTimes& unit, Seen& seen, std::uint64_t now_us,
                         std::vector<Span>& spans) const {
  if (seen.started_us == unit.started_us) return;
  const bool came_up = unit.active_us >= unit.started_us;
  // A oneshot service is never up, and a failed one neither: it ends where it is down again.
  if (!came_up && !IsDown(unit)) return;
  std::uint64_t end_us = came_up ? unit.active_us : unit.inactive_us;
  if (end_us < unit.started_us) end_us = now_us;
  seen.started_us = unit.started_us;
  const bool at_boot = !booted() || unit.started_us <= boot_end_us_;
  Span span = Make(fmt::format("start {} {}", unit.name, unit.started_us), "start " + unit.name,
                   at_boot ? IdOf("boot") : root_id(), unit.started_us, end_us);
  span.attributes.push_back(Attribute("unit.name", unit.name));
  if (unit.pid != 0) {
    span.attributes.push_back(Attribute("process.pid", static_cast<std::int64_t>(unit.pid)));
  }
  if (!came_up && (unit.state == "failed" || !unit.result.empty())) SetError(span, unit.result);
  spans.push_back(std::move(span));
}

void BootTrace::SayStop(const UnitTimes& unit, Seen& seen, std::uint64_t now_us,
                        std::vector<Span>& spans) const {
  if (unit.name == kOwnUnit) return;
  if (!IsUp(unit) && unit.state != "activating" && seen.left_us == 0) seen.left_us = now_us;
  const bool was_up = seen.up || unit.active_us >= unit.started_us;
  if (!IsDown(unit) || !was_up) return;
  const std::uint64_t start_us =
      unit.stopping_us >= unit.started_us ? unit.stopping_us : seen.left_us;
  if (seen.stopping_us == start_us || (seen.stopping_us != 0 && unit.stopping_us == 0)) return;
  seen.stopping_us = start_us;
  const std::uint64_t end_us = unit.inactive_us >= start_us ? unit.inactive_us : now_us;
  Span span = Make(fmt::format("stop {} {}", unit.name, unit.started_us), "stop " + unit.name,
                   ending() ? IdOf("shutdown") : root_id(), start_us, end_us);
  span.attributes.push_back(Attribute("unit.name", unit.name));
  if (unit.state == "failed") SetError(span, unit.result);
  spans.push_back(std::move(span));
}

std::vector<Span> BootTrace::End(std::uint64_t now_us) {
  std::vector<Span> spans;
  if (!boot_said_) {
    boot_said_ = true;
    spans.push_back(Make("boot", "boot", root_id(), 0, now_us));
    SetError(spans.back(), target_ + " was not reached");
  }
  if (!ending()) ending_us_ = now_us;
  spans.push_back(Make("shutdown", "shutdown", root_id(), ending_us_, now_us));
  spans.push_back(Make("root", "sandbox", "", 0, now_us));
  return spans;
}

}  // namespace inro::guest::trace
