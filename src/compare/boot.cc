#include "compare/boot.h"

#include <algorithm>
#include <memory>
#include <thread>

#include "compare/extension_check.h"
#include "compare/host_probe.h"
#include "compare/log_check.h"
#include "compare/trace_check.h"
#include "protocol/agent_api.h"
#include "protocol/health_message.h"
#include "protocol/metrics_text.h"
#include "protocol/sandbox_message.h"
#include "vmm/guest/boot_watch.h"
#include "vmm/guest/guest.h"
#include "vmm/guest/readiness.h"
#include "wire/client.h"

namespace inro::compare {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::string_view kTarget = "kata-containers.target";
constexpr milliseconds kCallLimit{20'000};
constexpr milliseconds kControlPoll{50};
constexpr milliseconds kLogLimit{10'000};

double Milliseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

// A started guest and what its console says.
struct Running {
  std::unique_ptr<vmm::Guest> guest;
  vmm::BootWatch watch;
  vmm::Readiness readiness;
  std::unique_ptr<TraceCheck> trace;  // of a probed boot
};

// `stood_still` says whether a boot that failed is worth another one.
Result<Running> StartOnce(const vmm::MachineConfig& machine, const BootLimits& limits, bool traced,
                          bool& stood_still) {
  vmm::GuestOptions options;
  options.time_limit = limits.ready + limits.probe + milliseconds(60'000);
  INRO_ASSIGN(auto guest, vmm::Guest::Start(machine, options));
  Running running{std::move(guest), vmm::BootWatch(Clock::now()), {}, nullptr};
  if (traced) {
    INRO_ASSIGN(running.trace, TraceCheck::Start(*running.guest));
  }
  running.watch = vmm::BootWatch(running.guest->exec_time());
  vmm::ReadinessOptions wait;
  wait.timeout = limits.ready;
  wait.stop = limits.stop;
  auto ready = vmm::WaitReady(*running.guest, running.watch, wait);
  stood_still = running.watch.stood_still();
  INRO_ASSIGN(running.readiness, std::move(ready));
  return running;
}

Result<Running> StartAndWait(const vmm::MachineConfig& machine, const BootLimits& limits,
                             bool traced = false) {
  bool stood_still = false;
  auto running = StartOnce(machine, limits, traced, stood_still);
  if (running || !stood_still || limits.stop.stop_requested()) return running;
  limits.note("a processor of the guest stood still (soft lockup): it is booted once more");
  return StartOnce(machine, limits, traced, stood_still);
}

Result<std::unique_ptr<wire::Client>> Dial(const vmm::Guest& guest, std::uint32_t port) {
  INRO_ASSIGN(UniqueFd socket, guest.Connect(port, kCallLimit));
  return std::make_unique<wire::Client>(std::move(socket));
}

// The control role listens when the target is reached: tries until then.
Result<std::unique_ptr<wire::Client>> DialControl(const vmm::Guest& guest,
                                                  const BootLimits& limits) {
  const auto deadline = Clock::now() + limits.probe;
  while (true) {
    if (limits.stop.stop_requested()) return FailAs(ErrorKind::kInterrupted, "interrupted");
    auto client = Dial(guest, protocol::kControlPort);
    if (client) return client;
    if (Clock::now() > deadline) {
      return std::unexpected(
          client.error().Wrap(fmt::format("the agent answered, but {} was not reached in {} s",
                                          kTarget, limits.probe.count() / 1000)));
    }
    std::this_thread::sleep_for(kControlPoll);
  }
}

Result<protocol::StateResponse> AskState(wire::Client& control) {
  INRO_ASSIGN(const std::string payload,
              control.CallOk(protocol::kControlService, "State", "", kCallLimit));
  protocol::StateResponse state;
  if (!protocol::Decode(payload, state)) return Fail("the guest's state is malformed");
  return state;
}

// What the probes inside the guest try; the other rows are tried from the host.
Result<std::vector<protocol::Finding>> AskProbes(wire::Client& control, milliseconds limit) {
  INRO_ASSIGN(const std::string payload,
              control.CallOk(protocol::kControlService, "Probe", "", limit));
  protocol::ProbeResponse response;
  if (!protocol::Decode(payload, response)) return Fail("the guest's findings are malformed");
  return std::move(response.findings);
}

// Turns the guest's monotonic clock into milliseconds since QEMU was executed.
class GuestClock {
 public:
  GuestClock(const protocol::StateResponse& state, double host_ms_at_answer)
      : zero_ms_(host_ms_at_answer - static_cast<double>(state.monotonic_us) / 1000) {}
  double HostMs(std::uint64_t guest_us) const {
    return std::max(0.0, zero_ms_ + static_cast<double>(guest_us) / 1000);
  }

 private:
  double zero_ms_;
};

void FillTimeline(const GuestClock& clock, ProbedBoot& boot) {
  boot.events.push_back({"kernel started", clock.HostMs(0)});
  if (boot.state.init_started_us != 0) {
    boot.events.push_back({"init started", clock.HostMs(boot.state.init_started_us)});
  }
  boot.events.push_back({"agent ready", boot.ready_ms});
  for (const protocol::UnitState& unit : boot.state.units) {
    if (unit.active_us == 0) continue;
    if (unit.name == kTarget) {
      boot.target_ms = clock.HostMs(unit.active_us);
      boot.events.push_back({std::string(kTarget), boot.target_ms});
    }
    if (unit.started_us == 0 || unit.active_us <= unit.started_us) continue;
    boot.spans.push_back({unit.name, clock.HostMs(unit.started_us), clock.HostMs(unit.active_us)});
  }
  std::ranges::sort(boot.events, {}, &TimelineEvent::at_ms);
  std::ranges::sort(boot.spans, {}, &TimelineSpan::start_ms);
}

Result<std::string> AskVersion(const vmm::Guest& guest) {
  INRO_ASSIGN(const auto agent, Dial(guest, protocol::kAgentPort));
  INRO_ASSIGN(const std::string payload,
              agent->CallOk(protocol::kHealthService, "Version", "", kCallLimit));
  protocol::VersionCheckResponse version;
  if (!protocol::Decode(payload, version)) return Fail("the agent's version is malformed");
  return version.agent_version;
}

Result<std::string> PowerOff(vmm::Guest& guest) {
  vmm::PowerOffOptions options;
  options.agent_limit = milliseconds(60'000);
  options.ask_agent = [&]() -> Result<> {
    INRO_ASSIGN(const auto agent, Dial(guest, protocol::kAgentPort));
    INRO_TRY(agent->CallOk(protocol::kAgentService, "DestroySandbox", "", kCallLimit));
    return {};
  };
  INRO_ASSIGN(const vmm::PowerOffWay way, guest.PowerOff(options));
  return std::string(vmm::Word(way));
}

Result<> RunProbe(Running& running, const BootLimits& limits, ProbedBoot& boot) {
  vmm::Guest& guest = *running.guest;
  INRO_ASSIGN(boot.agent_version, AskVersion(guest));
  INRO_ASSIGN(const auto control, DialControl(guest, limits));
  INRO_ASSIGN(boot.state, AskState(*control));
  const GuestClock clock(boot.state, Milliseconds(Clock::now() - guest.exec_time()));
  FillTimeline(clock, boot);
  INRO_TRY(running.trace->Call(guest));
  INRO_ASSIGN(boot.findings, AskProbes(*control, limits.probe));
  boot.findings.push_back(ProbeConsole(guest, boot.state));
  boot.findings.push_back(ProbeBinaries(guest));
  for (protocol::Finding& finding : boot.findings) {
    if (finding.feature != "logs") continue;
    const auto connect = [&](std::uint32_t port, milliseconds limit) {
      return guest.Connect(port, limit);
    };
    finding = CheckLogs(connect, std::move(finding), kLogLimit);
  }
  return {};
}

}  // namespace

Result<double> TimeBoot(const vmm::MachineConfig& machine, const BootLimits& limits) {
  INRO_ASSIGN(const Running running, StartAndWait(machine, limits));
  const double ready_ms = Milliseconds(running.readiness.since_exec);
  running.guest->Kill();
  return ready_ms;
}

Result<ProbedBoot> ProbeBoot(const vmm::MachineConfig& machine, const BootLimits& limits) {
  vmm::MachineConfig probed = machine;
  probed.command_line.push_back("inro.probe");
  for (const std::string_view word : kConsoleWords) probed.command_line.emplace_back(word);
  probed.command_line.push_back(fmt::format("agent.log_vport={}", kLogPort));
  probed.command_line.emplace_back(kTraceWord);
  INRO_ASSIGN(const ExtensionCheck extension, ExtensionCheck::Attach(probed));
  INRO_ASSIGN(Running running, StartAndWait(probed, limits, true));
  ProbedBoot boot;
  boot.ready_ms = Milliseconds(running.readiness.since_exec);
  vmm::ConsoleTail console(running.guest->paths().console_log());
  auto probes = RunProbe(running, limits, boot);
  if (probes) {
    auto end = PowerOff(*running.guest);
    if (end) boot.end = *end;
    if (!end) probes = std::unexpected(end.error().Wrap("power the guest off"));
    boot.findings.push_back(running.trace->Finish());
    const auto found = std::ranges::find(boot.findings, "extensions", &protocol::Finding::feature);
    if (found != boot.findings.end()) *found = extension.Finish(std::move(*found));
  }
  // Its own watch: it reads the whole log from the start, also what came after ready.
  vmm::BootWatch watch(running.guest->exec_time());
  watch.Feed(console.Read(), Clock::now());
  for (const vmm::BootFault& fault : watch.faults()) {
    if (fault.kind != vmm::FaultKind::kStall) boot.faults.push_back(fault.line);
  }
  if (!probes) return std::unexpected(probes.error().Wrap(watch.Explain(25)));
  return boot;
}

Result<std::int64_t> FloorAvailableKib(const vmm::MachineConfig& machine,
                                       const BootLimits& limits) {
  INRO_ASSIGN(const Running running, StartAndWait(machine, limits));
  INRO_ASSIGN(const auto agent, Dial(*running.guest, protocol::kAgentPort));
  INRO_ASSIGN(const std::string payload,
              agent->CallOk(protocol::kAgentService, "GetMetrics", "", kCallLimit));
  protocol::Metrics metrics;
  if (!protocol::Decode(payload, metrics)) return Fail("the floor's metrics are malformed");
  const auto available = protocol::MeminfoKib(metrics.metrics, "mem_available");
  if (!available) return Fail("the floor's metrics do not say how much memory is available");
  running.guest->Kill();
  return static_cast<std::int64_t>(*available);
}

}  // namespace inro::compare
