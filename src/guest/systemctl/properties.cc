#include "guest/systemctl/properties.h"

#include <algorithm>
#include <array>

#include "sys/file.h"
#include "unit/install.h"
#include "unit/text.h"

namespace inro::guest::systemctl {
namespace {

constexpr std::string_view kCgroups = "/sys/fs/cgroup";
constexpr std::string_view kNotSet = "[not set]";

std::string Join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += text.empty() ? word : " " + word;
  return text;
}

std::string_view LoadText(unit::LoadState state) {
  constexpr std::string_view kWords[] = {"loaded", "not-found", "masked", "bad-setting", "error"};
  return kWords[static_cast<std::size_t>(state)];
}

std::string YesNo(bool value) { return value ? "yes" : "no"; }

std::string TypeText(const unit::Unit& unit) {
  if (!unit.service) return "";
  constexpr std::string_view kWords[] = {"simple",        "exec",    "oneshot", "notify",
                                         "notify-reload", "forking", "idle",    "dbus"};
  return std::string(kWords[static_cast<std::size_t>(unit.service->EffectiveType())]);
}

std::string RestartText(const unit::Unit& unit) {
  if (!unit.service) return "";
  constexpr std::string_view kWords[] = {"no",          "always",   "on-success", "on-failure",
                                         "on-abnormal", "on-abort", "on-watchdog"};
  return std::string(kWords[static_cast<std::size_t>(unit.service->restart)]);
}

// As `systemctl show` prints a span of time: "1min 30s", "1.500000s", "infinity".
std::string Span(unit::Microseconds span) {
  if (span == unit::kForever) return "infinity";
  struct Step {
    std::string_view name;
    std::uint64_t us;
    int digits;  // after the point
  };
  constexpr Step kSteps[] = {{"y", 31'557'600'000'000, 0},
                             {"month", 2'629'800'000'000, 0},
                             {"w", 604'800'000'000, 0},
                             {"d", 86'400'000'000, 0},
                             {"h", 3'600'000'000, 0},
                             {"min", 60'000'000, 0},
                             {"s", 1'000'000, 6},
                             {"ms", 1000, 3},
                             {"us", 1, 0}};
  std::string text;
  auto left = static_cast<std::uint64_t>(span.count());
  for (const Step& step : kSteps) {
    if (left < step.us) continue;
    text += fmt::format("{}{}", text.empty() ? "" : " ", left / step.us);
    left %= step.us;
    const bool point = step.digits > 0 && left > 0;
    text += point ? fmt::format(".{:0{}}{}", left, step.digits, step.name) : std::string(step.name);
    if (point) break;
  }
  return text.empty() ? "0" : text;
}

std::string TimeoutOf(const unit::Unit& unit, unit::Microseconds unit::ServiceSettings::* which) {
  return unit.service ? Span((*unit.service).*which) : "";
}

std::string AbortTimeoutOf(const unit::Unit& unit) {
  if (!unit.service) return "";
  return Span(unit.service->abort_timeout.value_or(unit.service->stop_timeout));
}

const unit::ExecSettings* ExecOf(const unit::Unit& unit) {
  if (unit.service) return &unit.service->exec;
  if (unit.socket) return &unit.socket->exec;
  if (unit.mount) return &unit.mount->exec;
  return nullptr;
}

std::string IoWeightOf(const unit::Unit& unit) {
  const unit::ExecSettings* exec = ExecOf(unit);
  const unit::ResourceSettings* resources = unit.slice        ? unit.slice.get()
                                            : exec != nullptr ? &exec->resources
                                                              : nullptr;
  if (resources == nullptr) return "";
  return resources->io_weight ? std::to_string(*resources->io_weight) : std::string(kNotSet);
}

std::string FileOfGroup(const PropertySource& s, std::string_view file) {
  const std::string group = ControlGroupOf(s.unit);
  if (group.empty()) return "";
  std::string text =
      sys::ReadFile(fmt::format("{}{}/{}", kCgroups, group, file), 64 << 10).value_or("");
  return std::string(unit::Trim(text));
}

std::string NumberOfGroup(const PropertySource& s, std::string_view file) {
  const std::string text = FileOfGroup(s, file);
  return text.empty() ? std::string(kNotSet) : text;
}

std::string CpuOfGroup(const PropertySource& s) {
  const std::string text = FileOfGroup(s, "cpu.stat");
  constexpr std::string_view kKey = "usage_usec ";
  const std::size_t at = text.find(kKey);
  if (at == text.npos) return std::string(kNotSet);
  const std::size_t begin = at + kKey.size();
  return std::string(text.substr(begin, text.find('\n', begin) - begin)) + "000";
}

// Units whose list `of` names this one.
std::string Reverse(const PropertySource& s, std::vector<std::string> unit::Unit::* of) {
  std::string text;
  for (const auto& [name, row] : s.context.rows()) {
    const unit::Unit* other = s.context.loader().Load(name);
    if (other == nullptr || std::ranges::count(other->*of, s.unit.name) == 0) continue;
    text += text.empty() ? name : " " + name;
  }
  return text;
}

std::string Names(const PropertySource& s) {
  std::string text = s.unit.name;
  for (const std::string& alias : s.unit.install_alias) {
    if (s.context.loader().ResolveAlias(alias) == s.unit.name) text += " " + alias;
  }
  return text;
}

std::string DropIns(const PropertySource& s) {
  if (s.unit.files.size() < 2) return "";
  return Join({s.unit.files.begin() + 1, s.unit.files.end()});
}

std::string Commands(const std::vector<unit::Command>& commands) {
  std::string text;
  for (const unit::Command& command : commands) {
    text += fmt::format("{}{{ path={} ; argv[]={} }}", text.empty() ? "" : " ; ", command.program,
                        Join(command.argv));
  }
  return text;
}

struct Property {
  std::string_view name;
  std::string (*read)(const PropertySource&);
};

#define TEXT(expression) [](const PropertySource& s) -> std::string { return expression; }
constexpr Property kProperties[] = {
    {"Type", TEXT(TypeText(s.unit))},
    {"Restart", TEXT(RestartText(s.unit))},
    {"PIDFile", TEXT(s.unit.service ? s.unit.service->pid_file : "")},
    {"BusName", TEXT(s.unit.service ? s.unit.service->bus_name : "")},
    {"TimeoutStartUSec", TEXT(TimeoutOf(s.unit, &unit::ServiceSettings::start_timeout))},
    {"TimeoutStopUSec", TEXT(TimeoutOf(s.unit, &unit::ServiceSettings::stop_timeout))},
    {"TimeoutAbortUSec", TEXT(AbortTimeoutOf(s.unit))},
    {"TimeoutUSec", TEXT(s.unit.socket  ? Span(s.unit.socket->timeout)
                         : s.unit.mount ? Span(s.unit.mount->timeout)
                                        : "")},
    {"RandomizedDelayUSec", TEXT(s.unit.timer ? Span(s.unit.timer->randomized_delay) : "")},
    {"FixedRandomDelay", TEXT(s.unit.timer ? YesNo(s.unit.timer->fixed_random_delay) : "")},
    {"RemainAfterExit", TEXT(s.unit.service ? YesNo(s.unit.service->remain_after_exit) : "")},
    {"MainPID", TEXT(s.unit.service ? std::to_string(s.row.pid) : "")},
    {"ControlPID", TEXT(s.unit.service || s.unit.socket ? std::to_string(s.row.control_pid) : "")},
    {"ExecMainPID", TEXT(s.unit.service ? std::to_string(s.row.pid) : "")},
    {"ExecMainCode", TEXT(s.unit.service ? std::to_string(s.row.exit_code) : "")},
    {"ExecMainStatus", TEXT(s.unit.service ? std::to_string(s.row.exit_status) : "")},
    {"ExecStart", TEXT(s.unit.service ? Commands(s.unit.service->start) : "")},
    {"NRestarts", TEXT(s.unit.service ? std::to_string(s.row.restarts) : "")},
    {"FileDescriptorStoreMax",
     TEXT(s.unit.service ? std::to_string(s.unit.service->fd_store_max) : "")},
    {"NFileDescriptorStore", TEXT(s.unit.service ? std::to_string(s.row.stored) : "")},
    {"Result", TEXT(s.row.result)},
    {"StatusText", TEXT(s.row.status)},
    {"NAccepted", TEXT(s.unit.socket ? std::to_string(s.row.accepted) : "")},
    {"Accept", TEXT(s.unit.socket ? YesNo(s.unit.socket->accept) : "")},
    {"User", TEXT(ExecOf(s.unit) ? ExecOf(s.unit)->user : "")},
    {"Group", TEXT(ExecOf(s.unit) ? ExecOf(s.unit)->group : "")},
    {"Environment", TEXT(ExecOf(s.unit) ? Join(ExecOf(s.unit)->environment) : "")},
    {"WorkingDirectory", TEXT(ExecOf(s.unit) ? ExecOf(s.unit)->working_directory : "")},
    {"Slice", TEXT(ExecOf(s.unit) == nullptr                 ? ""
                   : ExecOf(s.unit)->resources.slice.empty() ? "system.slice"
                                                             : ExecOf(s.unit)->resources.slice)},
    {"ControlGroup", TEXT(ControlGroupOf(s.unit))},
    {"MemoryCurrent", TEXT(NumberOfGroup(s, "memory.current"))},
    {"CPUUsageNSec", TEXT(CpuOfGroup(s))},
    {"TasksCurrent", TEXT(NumberOfGroup(s, "pids.current"))},
    {"IOWeight", TEXT(IoWeightOf(s.unit))},
    {"What", TEXT(s.unit.mount ? s.unit.mount->what : "")},
    {"Where", TEXT(s.unit.mount ? s.unit.mount->where : "")},
    {"Unit", TEXT(s.unit.timer && !s.unit.triggers.empty() ? s.unit.triggers.front() : "")},
    {"Id", TEXT(s.unit.name)},
    {"Names", TEXT(Names(s))},
    {"Requires", TEXT(Join(s.unit.requires_))},
    {"Requisite", TEXT(Join(s.unit.requisite))},
    {"Wants", TEXT(Join(s.unit.wants))},
    {"BindsTo", TEXT(Join(s.unit.binds_to))},
    {"PartOf", TEXT(Join(s.unit.part_of))},
    {"Upholds", TEXT(Join(s.unit.upholds))},
    {"Conflicts", TEXT(Join(s.unit.conflicts))},
    {"Before", TEXT(Join(s.unit.before))},
    {"After", TEXT(Join(s.unit.after))},
    {"RequiredBy", TEXT(Reverse(s, &unit::Unit::requires_))},
    {"WantedBy", TEXT(Reverse(s, &unit::Unit::wants))},
    {"OnFailure", TEXT(Join(s.unit.on_failure))},
    {"OnSuccess", TEXT(Join(s.unit.on_success))},
    {"Triggers", TEXT(Join(s.unit.triggers))},
    {"TriggeredBy", TEXT(Reverse(s, &unit::Unit::triggers))},
    {"Documentation", TEXT(Join(s.unit.documentation))},
    {"Description", TEXT(s.unit.description.empty() ? s.unit.name : s.unit.description)},
    {"LoadState", TEXT(std::string(LoadText(s.unit.state)))},
    {"LoadError", TEXT(s.unit.problem)},
    {"ActiveState", TEXT(s.row.active)},
    {"SubState", TEXT(s.row.sub)},
    {"FragmentPath", TEXT(s.unit.files.empty() ? "" : s.unit.files.front())},
    {"DropInPaths", TEXT(DropIns(s))},
    {"SourcePath", TEXT(s.unit.source_path)},
    {"UnitFileState", TEXT(s.unit.files.empty() && s.unit.state != unit::LoadState::kMasked
                               ? ""
                               : std::string(unit::UnitFileState(s.context.files, s.unit.name,
                                                                 s.context.search_path)))},
    {"StateChangeTimestamp", TEXT(WallText(s.row.since))},
    {"StateChangeTimestampMonotonic", TEXT(std::to_string(s.row.since))},
    {"InactiveExitTimestamp", TEXT(WallText(s.row.started))},
    {"InactiveExitTimestampMonotonic", TEXT(std::to_string(s.row.started))},
    {"ActiveEnterTimestamp", TEXT(WallText(s.row.entered))},
    {"ActiveEnterTimestampMonotonic", TEXT(std::to_string(s.row.entered))},
    {"InactiveEnterTimestamp", TEXT(WallText(s.row.inactive))},
    {"InactiveEnterTimestampMonotonic", TEXT(std::to_string(s.row.inactive))},
    {"CanStart", TEXT(YesNo(!s.unit.refuse_manual_start))},
    {"CanStop", TEXT(YesNo(!s.unit.refuse_manual_stop))},
    {"CanReload", TEXT(YesNo(s.unit.service && !s.unit.service->reload.empty()))},
    {"CanIsolate", TEXT(YesNo(s.unit.allow_isolate))},
    {"Job", TEXT(s.row.job_id)},
    {"ConditionResult", TEXT(s.row.condition)},
    {"DefaultDependencies", TEXT(YesNo(s.unit.default_dependencies))},
};
#undef TEXT

constexpr auto kNames = [] {
  std::array<std::string_view, std::size(kProperties)> names{};
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = kProperties[i].name;
  return names;
}();

}  // namespace

std::string ControlGroupOf(const unit::Unit& unit) {
  std::string slice = "system.slice";
  if (unit.slice) {
    slice = unit.name;
  } else if (const unit::ExecSettings* exec = ExecOf(unit)) {
    if (!exec->resources.slice.empty()) slice = exec->resources.slice;
  } else {
    return "";
  }
  // "a-b.slice" lies in "a.slice".
  std::string path;
  const std::string stem = slice.substr(0, slice.rfind('.'));
  for (std::size_t dash = stem.find('-'); dash != stem.npos && dash > 0;
       dash = stem.find('-', dash + 1)) {
    path += fmt::format("/{}.slice", stem.substr(0, dash));
  }
  if (stem != "-") path += "/" + slice;
  if (!unit.slice) path += "/" + unit.name;
  return sys::Exists(std::string(kCgroups) + path) ? path : "";
}

std::span<const std::string_view> PropertyNames() { return kNames; }

bool HasProperty(std::string_view name) { return std::ranges::find(kNames, name) != kNames.end(); }

std::string PropertyOf(const PropertySource& source, std::string_view name) {
  const auto* found = std::ranges::find(kProperties, name, &Property::name);
  return found == std::end(kProperties) ? "" : found->read(source);
}

}  // namespace inro::guest::systemctl
