#include "guest_run.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <thread>

#include "sys/file.h"
#include "vmm/guest/readiness.h"

namespace inro::boot_test {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kPowerOffLimit{60'000};

std::string CaseName() {
  const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
  std::string name = fmt::format("{}.{}", info->test_suite_name(), info->name());
  std::ranges::replace(name, '/', '_');
  return name;
}

}  // namespace

Result<std::unique_ptr<GuestRun>> GuestRun::Start(vmm::MachineConfig machine, std::string name,
                                                  const std::vector<std::string>& words,
                                                  milliseconds life) {
  machine.command_line.push_back("inro.probe");
  machine.command_line.insert(machine.command_line.end(), words.begin(), words.end());
  vmm::GuestOptions options;
  options.time_limit = life;
  INRO_ASSIGN(auto guest, vmm::Guest::Start(std::move(machine), options));
  return std::unique_ptr<GuestRun>(new GuestRun(std::move(guest), std::move(name)));
}

Result<> GuestRun::WaitReady() {
  vmm::BootWatch watch(guest_->exec_time());
  vmm::ReadinessOptions options;
  options.timeout = kReadyLimit;
  INRO_ASSIGN(const vmm::Readiness ready, vmm::WaitReady(*guest_, watch, options));
  ready_ms_ = std::chrono::duration<double, std::milli>(ready.since_exec).count();
  return {};
}

Result<std::unique_ptr<wire::Client>> GuestRun::Dial(std::uint32_t port) {
  INRO_ASSIGN(UniqueFd socket, guest_->Connect(port, kCallLimit));
  return std::make_unique<wire::Client>(std::move(socket));
}

Result<UniqueFd> GuestRun::ConnectWhenUp(std::uint32_t port) {
  const auto deadline = Clock::now() + kTargetLimit;
  while (true) {
    auto socket = guest_->Connect(port, kCallLimit);
    if (socket) return socket;
    if (Clock::now() > deadline) {
      return std::unexpected(socket.error().Wrap(fmt::format("nobody listens on {}", port)));
    }
    std::this_thread::sleep_for(milliseconds(50));
  }
}

Result<std::unique_ptr<wire::Client>> GuestRun::DialControl() {
  INRO_ASSIGN(UniqueFd socket, ConnectWhenUp(protocol::kControlPort));
  return std::make_unique<wire::Client>(std::move(socket));
}

Result<protocol::StateResponse> GuestRun::State() {
  INRO_ASSIGN(const auto control, DialControl());
  INRO_ASSIGN(const std::string payload,
              control->CallOk(protocol::kControlService, "State", "", kCallLimit));
  protocol::StateResponse state;
  if (!protocol::Decode(payload, state)) return Fail("the guest's state is malformed");
  return state;
}

Result<std::vector<protocol::Finding>> GuestRun::Probe() {
  INRO_ASSIGN(const auto control, DialControl());
  INRO_ASSIGN(const std::string payload,
              control->CallOk(protocol::kControlService, "Probe", "", milliseconds(120'000)));
  protocol::ProbeResponse response;
  if (!protocol::Decode(payload, response)) return Fail("the guest's findings are malformed");
  return std::move(response.findings);
}

Result<vmm::PowerOffWay> GuestRun::PowerOff() {
  vmm::PowerOffOptions options;
  options.agent_limit = kPowerOffLimit;
  options.ask_agent = [this]() -> Result<> {
    INRO_ASSIGN(const auto agent, Dial(protocol::kAgentPort));
    INRO_TRY(agent->CallOk(protocol::kAgentService, "DestroySandbox", "", kCallLimit));
    return {};
  };
  return guest_->PowerOff(options);
}

Result<vmm::GuestExit> GuestRun::WaitExit(milliseconds timeout) {
  INRO_ASSIGN(const auto exit, guest_->WaitExit(timeout));
  if (!exit) return FailAs(ErrorKind::kTimeout, "the guest runs on");
  return *exit;
}

std::string GuestRun::Console() const {
  return sys::ReadFile(guest_->paths().console_log()).value_or("");
}

bool GuestRun::StoodStill() const {
  vmm::BootWatch watch(guest_->exec_time());
  watch.Feed(Console() + "\n", Clock::now());
  return watch.stood_still();
}

void GuestRun::Inspect(bool units_may_fail) {
  const std::string console = Console();
  const std::string folder = INRO_BINARY_DIR "/boot-tests/consoles";
  const std::string kept = fmt::format("{}/{}.log", folder, name_);
  EXPECT_TRUE(sys::MakeDirectories(folder));
  EXPECT_TRUE(sys::WriteFile(kept, console));
  EXPECT_FALSE(console.empty()) << "the guest wrote nothing on its console";
  vmm::BootWatch watch(guest_->exec_time());
  watch.Feed(console + "\n", Clock::now());
  for (const vmm::BootFault& fault : watch.faults()) {
    if (fault.kind == vmm::FaultKind::kStall) continue;  // the host was busy
    if (units_may_fail &&
        (fault.kind == vmm::FaultKind::kFailedUnit || fault.kind == vmm::FaultKind::kCrash ||
         fault.kind == vmm::FaultKind::kOutOfMemory)) {
      continue;
    }
    ADD_FAILURE() << Word(fault.kind) << ": " << fault.line << "\n  console: " << kept;
  }
  if (::testing::Test::HasFailure()) {
    std::fprintf(stderr, "console: %s\n", kept.c_str());
    for (const std::string& line : watch.LastLines(40)) {
      std::fprintf(stderr, "  | %s\n", line.c_str());
    }
  }
}

const protocol::UnitState* UnitNamed(const protocol::StateResponse& state, std::string_view name) {
  const auto unit = std::ranges::find(state.units, name, &protocol::UnitState::name);
  return unit == state.units.end() ? nullptr : &*unit;
}

const protocol::ProcessState* ProcessNamed(const protocol::StateResponse& state,
                                           std::string_view name) {
  const auto process = std::ranges::find(state.processes, name, &protocol::ProcessState::name);
  return process == state.processes.end() ? nullptr : &*process;
}

void BootTest::TearDown() {
  if (run_) run_->Inspect(units_may_fail_);
  run_.reset();
}

void BootTest::Start(const GuestSpec& spec, const image::Variant& variant,
                     const std::vector<std::string>& words) {
  const auto build = BuildOnce(spec);
  if (!build && NoMirror(build.error())) GTEST_SKIP() << build.error().ToString();
  ASSERT_TRUE(build) << build.error().ToString();
  const auto machine = build->Machine(variant);
  ASSERT_TRUE(machine) << machine.error().ToString();
  auto run = GuestRun::Start(*machine, CaseName(), words, life_limit_);
  ASSERT_TRUE(run) << run.error().ToString();
  run_ = std::move(*run);
}

void BootTest::Boot(const GuestSpec& spec, const image::Variant& variant,
                    const std::vector<std::string>& words) {
  ASSERT_NO_FATAL_FAILURE(Start(spec, variant, words));
  if (IsSkipped()) return;
  auto ready = run_->WaitReady();
  if (!ready && run_->StoodStill()) {
    std::fprintf(stderr, "  a processor of the guest stood still; booted once more\n%s\n",
                 ready.error().ToString().c_str());
    run_.reset();
    ASSERT_NO_FATAL_FAILURE(Start(spec, variant, words));
    ready = run_->WaitReady();
  }
  ASSERT_TRUE(ready) << ready.error().ToString();
  std::fprintf(stderr, "  ready after %.0f ms\n", run_->ready_ms());
}

void BootTest::ExpectHealthy(std::string_view target) {
  const auto state = run_->State();
  ASSERT_TRUE(state) << state.error().ToString();
  EXPECT_FALSE(state->units.empty());
  for (const protocol::UnitState& unit : state->units) {
    EXPECT_NE(unit.state, "failed") << unit.name << ": " << unit.result;
  }
  const protocol::UnitState* reached = UnitNamed(*state, target);
  ASSERT_NE(reached, nullptr) << target;
  EXPECT_EQ(reached->state, "active") << target;
  // A process is a zombie for a moment whenever one ends: only one that stays is a fault.
  std::map<std::uint32_t, std::string> zombies;
  for (const protocol::ProcessState& process : state->processes) {
    EXPECT_FALSE(process.state.empty()) << process.name;
    if (process.state == "Z") zombies[process.pid] = process.name;
  }
  for (int look = 0; look < 5 && !zombies.empty(); ++look) {
    std::this_thread::sleep_for(milliseconds(500));
    const auto again = run_->State();
    ASSERT_TRUE(again) << again.error().ToString();
    std::erase_if(zombies, [&](const auto& zombie) {
      return std::ranges::none_of(again->processes, [&](const protocol::ProcessState& process) {
        return process.pid == zombie.first && process.state == "Z";
      });
    });
  }
  for (const auto& [pid, name] : zombies) ADD_FAILURE() << "zombie " << name << ", pid " << pid;
}

void BootTest::ExpectFindings(const std::vector<std::string>& features) {
  const auto findings = run_->Probe();
  ASSERT_TRUE(findings) << findings.error().ToString();
  for (const std::string& feature : features) {
    const auto finding = std::ranges::find(*findings, feature, &protocol::Finding::feature);
    ASSERT_NE(finding, findings->end()) << feature << " was not probed";
    EXPECT_TRUE(finding->yes) << feature << ": " << finding->evidence;
    EXPECT_FALSE(finding->evidence.empty()) << feature;
  }
}

void BootTest::ExpectPowerOff() {
  const auto way = run_->PowerOff();
  ASSERT_TRUE(way) << way.error().ToString();
  EXPECT_EQ(*way, vmm::PowerOffWay::kAgent) << "it had to be ended by " << Word(*way);
  const auto exit = run_->WaitExit(milliseconds(1000));
  ASSERT_TRUE(exit) << exit.error().ToString();
  EXPECT_EQ(exit->reason, vmm::GuestExit::Reason::kGuest) << exit->ToString();
  EXPECT_EQ(exit->status, 0) << exit->ToString();
}

}  // namespace inro::boot_test
