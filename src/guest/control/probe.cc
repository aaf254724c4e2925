#include "guest/control/probe.h"

#include <algorithm>
#include <span>

#include "base/result.h"
#include "guest/control/clock_probe.h"
#include "guest/control/extension_probe.h"
#include "guest/control/firewall_probe.h"
#include "guest/control/log_probe.h"
#include "guest/control/mount_check.h"
#include "guest/control/process_table.h"
#include "guest/control/service_probe.h"
#include "sys/file.h"

namespace inro::guest::control {
namespace {

// What a probe saw, or why the feature does not work.
using Evidence = Result<std::string>;

constexpr std::string_view kAgentUnit = "kata-agent.service";
constexpr std::string_view kChronyUnit = "chrony.service";

Result<Process> ProcessOf(std::string_view unit, std::string_view name = "") {
  INRO_ASSIGN(const std::vector<Process> processes, ReadProcesses());
  const auto process = std::ranges::find_if(processes, [&](const Process& candidate) {
    return candidate.unit == unit && (name.empty() || candidate.name == name);
  });
  if (process == processes.end()) return Fail("no process of {} runs", unit);
  return *process;
}

// The path of a unit's file, in systemd's order of precedence.
Result<std::string> UnitFile(std::string_view unit) {
  for (const char* folder :
       {"/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system"}) {
    std::string path = fmt::format("{}/{}", folder, unit);
    if (sys::Exists(path)) return path;
  }
  return Fail("{} has no unit file", unit);
}

Evidence ProbeAgent() {
  INRO_ASSIGN(const Process process, ProcessOf(kAgentUnit));
  INRO_ASSIGN(const std::string file, UnitFile(kAgentUnit));
  return fmt::format("{} (pid {}) is the unit {}", process.name, process.pid, file);
}

Evidence ProbeMounts() {
  INRO_ASSIGN(const std::string table, sys::ReadFile("/proc/self/mountinfo"));
  const MountCheck check = CheckMounts(ParseMountInfo(table));
  if (!check.ok) return Fail("{}", check.evidence);
  // A mount that cannot be written to is no use: try the three that must be.
  for (const char* folder : {"/run", "/tmp", "/dev/shm"}) {
    const std::string path = fmt::format("{}/.inro-probe", folder);
    INRO_TRY(sys::WriteFile(path, "probe"));
    INRO_TRY(sys::RemoveAll(path));
  }
  return check.evidence;
}

Evidence ProbeDistro() {
  INRO_ASSIGN(const std::string text, sys::ReadFile("/etc/os-release"));
  std::string name;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!line.starts_with("PRETTY_NAME=")) continue;
    line.remove_prefix(12);
    if (line.size() >= 2 && line.front() == '"') line = line.substr(1, line.size() - 2);
    name = line;
  }
  if (name.empty()) return Fail("/etc/os-release names no distribution");
  return name;
}

Evidence ProbeChrony() {
  INRO_ASSIGN(const Process process, ProcessOf(kChronyUnit, "chronyd"));
  if (process.uid == 0) return Fail("chronyd (pid {}) runs as root", process.pid);
  INRO_ASSIGN(const std::string file, UnitFile(kChronyUnit));
  return fmt::format("chronyd (pid {}, uid {}) is the unit {}", process.pid, process.uid, file);
}

struct Row {
  std::string_view feature;
  Evidence (*probe)();
};

constexpr Row kRows[] = {
    {"agent", ProbeAgent},       {"mounts", ProbeMounts},     {"distro", ProbeDistro},
    {"iptables", ProbeFirewall}, {"chrony", ProbeChrony},     {"time", ProbeClock},
    {"logs", ProbeLogs},         {"services", ProbeServices}, {"extensions", ProbeExtensions},
};

protocol::Finding RunOne(std::string_view feature) {
  protocol::Finding finding;
  finding.feature = feature;
  const auto row = std::ranges::find(kRows, feature, &Row::feature);
  if (row == std::end(kRows)) {
    finding.evidence = "this guest has no probe for it";
    return finding;
  }
  const Evidence evidence = row->probe();
  finding.yes = evidence.has_value();
  finding.evidence = evidence ? *evidence : evidence.error().ToString();
  return finding;
}

}  // namespace

std::vector<protocol::Finding> RunProbes(const std::vector<std::string>& features) {
  std::vector<protocol::Finding> findings;
  if (features.empty()) {
    for (const Row& row : kRows) findings.push_back(RunOne(row.feature));
  }
  for (const std::string& feature : features) findings.push_back(RunOne(feature));
  return findings;
}

}  // namespace inro::guest::control
