// Verbs that show what units are.
#include <dirent.h>
#include <unistd.h>

#include <algorithm>

#include "guest/systemctl/context.h"
#include "guest/systemctl/properties.h"
#include "guest/systemctl/unit_log.h"
#include "sys/file.h"
#include "unit/install.h"

namespace inro::guest::systemctl {
namespace {

int Check(Context& context, std::initializer_list<std::string_view> good, int code) {
  const auto names = context.Names(1, false);
  bool any = false;
  for (const std::string& name : names) {
    const std::string state = context.RowOf(name).active;
    if (!context.options.quiet) Print(state + "\n");
    any = any || std::ranges::find(good, state) != good.end();
  }
  if (names.empty() && !context.options.quiet) Print("inactive\n");
  return any ? kSuccess : code;
}

std::string Size(const std::string& bytes) {
  const double value = std::strtod(bytes.c_str(), nullptr);
  if (value >= 1 << 30) return fmt::format("{:.1f}G", value / (1 << 30));
  if (value >= 1 << 20) return fmt::format("{:.1f}M", value / (1 << 20));
  if (value >= 1 << 10) return fmt::format("{:.1f}K", value / (1 << 10));
  return bytes + "B";
}

std::string CommandLine(const std::string& pid) {
  std::string text = sys::ReadFile(fmt::format("/proc/{}/cmdline", pid), 4096).value_or("");
  while (text.ends_with('\0')) text.pop_back();
  std::ranges::replace(text, '\0', ' ');
  if (text.empty()) {
    text = sys::ReadFile(fmt::format("/proc/{}/comm", pid), 64).value_or("?");
    while (text.ends_with('\n')) text.pop_back();
  }
  return text.substr(0, 200);
}

void PrintGroup(const std::string& group) {
  const std::string path = "/sys/fs/cgroup" + group;
  const auto procs = sys::ReadFile(path + "/cgroup.procs", 1 << 20);
  if (!procs) return;
  Printf("     CGroup: {}\n", group);
  std::vector<std::string> pids;
  std::string_view rest = *procs;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    if (end > 0) pids.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  for (const std::string& pid : pids) {
    Printf("             {}{} {}\n", &pid == &pids.back() ? "└─" : "├─", pid, CommandLine(pid));
  }
}

// "active (running) since Tue ...; 5s ago".
std::string ActiveText(const Row& row) {
  std::string text = fmt::format("{} ({})", row.active, row.sub);
  if (row.active == "failed") text = fmt::format("failed (Result: {})", row.result);
  const std::uint64_t since = row.active == "active" && row.entered != 0 ? row.entered : row.since;
  if (since == 0) return text;
  const std::uint64_t now = MonotonicNow();
  return fmt::format("{} since {}; {} ago", text, WallText(since),
                     SpanText(now > since ? now - since : 0));
}

std::string_view Mark(const Row& row) {
  if (row.active == "failed") return "×";
  if (row.active == "active" || row.active == "reloading") return "●";
  return row.active == "inactive" ? "○" : "●";
}

void PrintStatus(Context& context, const std::string& name, const unit::Unit& unit,
                 const Row& row) {
  const PropertySource source{context, unit, row};
  Printf("{} {} - {}\n", Mark(row), unit.name,
         unit.description.empty() ? unit.name : unit.description);
  const std::string state(unit::UnitFileState(context.files, name, context.search_path));
  const std::string load = PropertyOf(source, "LoadState");
  if (unit.files.empty()) {
    Printf("     Loaded: {}\n", load);
  } else {
    Printf("     Loaded: {} ({}; {})\n", load, unit.files.front(), state);
  }
  for (std::size_t i = 1; i < unit.files.size(); ++i) {
    Printf("    {} {}\n", i == 1 ? "Drop-In:" : "        ", unit.files[i]);
  }
  Printf("     Active: {}\n", ActiveText(row));
  if (row.condition == "no") Printf("  Condition: start condition failed: {}\n", row.reason);
  if (const std::string by = PropertyOf(source, "TriggeredBy"); !by.empty()) {
    Printf("TriggeredBy: {}\n", by);
  }
  if (!unit.triggers.empty()) Printf("   Triggers: {}\n", PropertyOf(source, "Triggers"));
  for (const std::string& document : unit.documentation) Printf("       Docs: {}\n", document);
  if (row.active == "failed" && !row.reason.empty()) Printf("     Reason: {}\n", row.reason);
  if (row.pid != 0) {
    Printf("   Main PID: {} ({})\n", row.pid, CommandLine(std::to_string(row.pid)).substr(0, 64));
  } else if (row.exit_code != 0) {
    Printf("   Main PID: (code={}, status={})\n", row.exit_code == 1 ? "exited" : "killed",
           row.exit_status);
  }
  if (!row.status.empty()) Printf("     Status: \"{}\"\n", row.status);
  if (row.accepted != 0) Printf("   Accepted: {}\n", row.accepted);
  if (row.restarts != 0) Printf("   Restarts: {}\n", row.restarts);
  constexpr std::string_view kNotSet = "[not set]";
  if (const auto tasks = PropertyOf(source, "TasksCurrent"); tasks != kNotSet) {
    Printf("      Tasks: {}\n", tasks);
  }
  if (const auto memory = PropertyOf(source, "MemoryCurrent"); memory != kNotSet) {
    Printf("     Memory: {}\n", Size(memory));
  }
  if (const auto cpu = PropertyOf(source, "CPUUsageNSec"); cpu != kNotSet) {
    Printf("        CPU: {}ms\n", std::strtoull(cpu.c_str(), nullptr, 10) / 1'000'000);
  }
  if (const auto group = PropertyOf(source, "ControlGroup"); !group.empty()) PrintGroup(group);
}

// What the unit has logged last: since its last start, by the collector of role `logs`; what that
// does not have (a syslog daemon takes what journald would forward to it), by journald.
Result<std::string> LogText(const Context& context, const std::string& unit, const Row& row) {
  const std::uint32_t most = context.options.lines;
  const auto lines = LastLogLines(context.run_folder + "/logs.sock", unit, row.started, most);
  if (lines && !lines->empty()) {
    char host[65] = {};
    ::gethostname(host, sizeof host - 1);
    std::string text;
    for (const LogLine& line : *lines) text += LogLineText(line, host);
    return text;
  }
  if (!context.journalctl.empty()) return JournalText(context.journalctl, unit, most);
  if (!lines) return std::unexpected(lines.error());
  return "";
}

void PrintLog(const Context& context, const std::string& unit, const Row& row) {
  if (context.options.lines == 0) return;
  const auto text = LogText(context, unit, row);
  if (!text) {
    Printf("\nIts log cannot be shown: {}\n", text.error().ToString());
  } else if (!text->empty()) {
    Printf("\n{}", *text);
  }
}

int StatusOf(Context& context, const std::string& name) {
  const Row row = context.RowOf(name);
  const unit::Unit* unit = context.loader().Load(name);
  const bool known = unit != nullptr && unit->state != unit::LoadState::kNotFound;
  if (!known && row.active == "inactive") {
    Complain("Unit {} could not be found.", name);
    return kNoSuchUnit;
  }
  if (unit != nullptr && !context.options.quiet) {
    PrintStatus(context, name, *unit, row);
    PrintLog(context, unit->name, row);
  }
  const bool up = row.active == "active" || row.active == "reloading";
  return up ? kSuccess : kNotRunning;
}

std::string SystemState(Context& context) {
  bool failed = false;
  bool busy = false;
  for (const auto& [name, row] : context.rows()) {
    failed = failed || row.active == "failed";
    busy = busy || !row.job.empty();
    const bool rescue = name == "rescue.target" || name == "emergency.target";
    if (rescue && row.active == "active") return "maintenance";
  }
  if (context.rows().empty()) return "offline";
  return busy ? "starting" : failed ? "degraded" : "running";
}

}  // namespace

int RunIsActive(Context& context) { return Check(context, {"active", "reloading"}, kNotRunning); }

int RunIsFailed(Context& context) {
  if (context.words.size() > 1) return Check(context, {"failed"}, kFailure);
  const std::string state = SystemState(context);
  if (!context.options.quiet) Print(state + "\n");
  return state == "degraded" ? kSuccess : kFailure;
}

int RunIsSystemRunning(Context& context) {
  const std::string state = SystemState(context);
  if (!context.options.quiet) Print(state + "\n");
  return state == "running" ? kSuccess : kFailure;
}

int RunStatus(Context& context) {
  if (context.words.size() < 2) {
    std::size_t failed = 0;
    std::size_t jobs = 0;
    for (const auto& [name, row] : context.rows()) {
      failed += row.active == "failed" ? 1 : 0;
      jobs += row.job.empty() ? 0 : 1;
    }
    Printf("    State: {}\n    Units: {} loaded\n     Jobs: {} queued\n   Failed: {} units\n",
           SystemState(context), context.rows().size(), jobs, failed);
    return kSuccess;
  }
  int code = kSuccess;
  bool first = true;
  for (const std::string& name : context.Names(1, false)) {
    if (!std::exchange(first, false)) Print("\n");
    const int own = StatusOf(context, name);
    if (code == kSuccess) code = own;
  }
  return code;
}

int RunShow(Context& context) {
  std::vector<std::string> wanted;
  for (const std::string& list : context.options.properties) {
    std::string_view rest = list;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(','), rest.size());
      if (end > 0) wanted.emplace_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  const auto show = [&](const std::string& key, const std::string& value) {
    // As the original: what is asked for by name is shown even when it is empty.
    if (wanted.empty() && value.empty() && !context.options.all) return;
    Print(context.options.value ? value + "\n" : fmt::format("{}={}\n", key, value));
  };
  auto names = context.Names(1, false);
  if (context.words.size() < 2) {
    if (wanted.empty()) wanted = {"Version", "SystemState", "NNames", "NFailedUnits"};
    std::size_t failed = 0;
    for (const auto& [name, row] : context.rows()) failed += row.active == "failed" ? 1 : 0;
    for (const std::string& key : wanted) {
      if (key == "Version") show(key, "252 (inro)");
      if (key == "SystemState") show(key, SystemState(context));
      if (key == "NNames") show(key, std::to_string(context.rows().size()));
      if (key == "NFailedUnits") show(key, std::to_string(failed));
    }
    return kSuccess;
  }
  bool first = true;
  for (const std::string& name : names) {
    if (!std::exchange(first, false)) Print("\n");
    const unit::Unit* unit = context.loader().Load(name);
    if (unit == nullptr) continue;
    const PropertySource source{context, *unit, context.RowOf(name)};
    if (wanted.empty()) {
      for (const std::string_view key : PropertyNames()) {
        show(std::string(key), PropertyOf(source, key));
      }
    } else {
      for (const std::string& key : wanted) {
        if (HasProperty(key)) show(key, PropertyOf(source, key));
      }
    }
  }
  return kSuccess;
}

int RunCat(Context& context) {
  int code = kSuccess;
  bool first = true;
  for (const std::string& name : context.Names(1, true)) {
    const unit::Unit* unit = context.loader().Load(name);
    const auto paths = context.loader().FragmentPaths(name);
    std::vector<std::string> files = unit == nullptr ? paths : unit->files;
    if (files.empty() && !paths.empty()) files = {paths.front()};
    if (files.empty()) {
      const bool standard = unit != nullptr && unit->state == unit::LoadState::kLoaded;
      if (standard) {
        Printf("# {} is part of this init and has no file\n", name);
        continue;
      }
      Complain("No files found for {}.", name);
      code = kFailure;
      continue;
    }
    for (const std::string& file : files) {
      if (!std::exchange(first, false)) Print("\n");
      Printf("# {}\n{}", file, sys::ReadFile(file, 1 << 20).value_or(""));
    }
  }
  return code;
}

}  // namespace inro::guest::systemctl
