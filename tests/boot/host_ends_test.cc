// The host's end of each channel goes away without a word and comes back, and there are a hundred
// consoles at once: nothing in the guest hangs, stays behind or is lost. One guest for all of them.
#include <gmock/gmock.h>

#include <set>
#include <thread>

#include "guest_run.h"
#include "guest_shell.h"
#include "log_reader.h"
#include "protocol/time_message.h"
#include "protocol/trace_message.h"
#include "vmm/control/clock_state.h"
#include "vmm/control/exec_session.h"
#include "vmm/host/guest_address.h"
#include "vmm/host/trace_receiver.h"
#include "vmm/host/trace_sinks.h"
#include "vmm/time/time_server.h"
#include "wire/address.h"

namespace inro::boot_test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Clock = std::chrono::steady_clock;
using vmm::LogEntry;

constexpr std::uint32_t kLogPort = 1025;
constexpr std::uint32_t kConsolePort = 1026;
constexpr std::size_t kConsoles = 100;

class HostEnds : public BootTest, public ::testing::WithParamInterface<image::Variant> {
 protected:
  void BootWithHostEnds() {
    Start(DebianSpec(), GetParam(),
          {"agent.log_vport=1025", "agent.debug_console", "agent.debug_console_vport=1026",
           "agent.trace"});
    if (HasFatalFailure() || IsSkipped()) return;
    ServeTime();  // in the place of the supervisor's
    TakeTraces();
    const auto ready = run_->WaitReady();
    ASSERT_TRUE(ready) << ready.error().ToString();
    ExpectHealthy();
  }
  void ServeTime() {
    wire::Address address;
    address.path = fmt::format("{}_{}", run_->guest().paths().hybrid_socket(), protocol::kTimePort);
    auto listener = wire::Listen(address);
    ASSERT_TRUE(listener) << listener.error().ToString();
    std::vector<UniqueFd> listeners;
    listeners.push_back(std::move(*listener));
    auto server = vmm::TimeServer::Start(std::move(listeners));
    ASSERT_TRUE(server) << server.error().ToString();
    time_ = std::move(*server);
  }
  void TakeTraces() {
    vmm::GuestAddress guest;
    guest.socket = run_->guest().paths().hybrid_socket();
    auto listener = vmm::ListenForGuest(guest, protocol::kTracePort);
    ASSERT_TRUE(listener) << listener.error().ToString();
    auto receiver = vmm::TraceReceiver::Start(std::move(*listener), spans_, [guest](int waiting) {
      return vmm::AcceptFromGuest(guest, waiting);
    });
    ASSERT_TRUE(receiver) << receiver.error().ToString();
    traces_ = std::move(*receiver);
  }
  void Shell(const std::string& script) {
    const auto ran = RunProgram(*run_, {.argv = {"sh", "-c", script}});
    ASSERT_TRUE(ran) << ran.error().ToString();
    EXPECT_EQ(ran->status, 0) << script << ": " << ran->out;
  }
  Result<LogReader> ReadLog() {
    INRO_ASSIGN(UniqueFd socket, run_->ConnectWhenUp(kLogPort));
    return LogReader(std::move(socket));
  }
  void ExpectClockBecomes(const std::string& word) {
    const auto deadline = Clock::now() + 90s;
    std::string last;
    while (last != word && Clock::now() < deadline) {
      std::this_thread::sleep_for(200ms);
      const auto control = run_->DialControl();
      ASSERT_TRUE(control) << control.error().ToString();
      const auto json = vmm::AskClockState(**control);
      const auto state = json ? vmm::ParseClockState(*json) : std::unexpected(json.error());
      last = state ? state->state : state.error().ToString();
    }
    EXPECT_EQ(last, word);
  }
  // Units of consoles that have processes, and the processes of a program.
  std::size_t ConsoleUnits() {
    std::set<std::string> units;
    const auto state = run_->State();
    EXPECT_TRUE(state) << state.error().ToString();
    if (!state) return 0;
    for (const protocol::ProcessState& process : state->processes) {
      if (process.unit.starts_with("inro-console@")) units.insert(process.unit);
    }
    return units.size();
  }
  template <class Holds>
  bool Eventually(Holds holds) {
    const auto deadline = Clock::now() + 120s;
    while (!holds()) {
      if (Clock::now() > deadline) return false;
      std::this_thread::sleep_for(200ms);
    }
    return true;
  }
  void ExpectAgentAnswers() {
    const auto agent = run_->Dial(protocol::kAgentPort);
    ASSERT_TRUE(agent) << agent.error().ToString();
    const auto called =
        (*agent)->CallOk(protocol::kAgentService, "GetGuestDetails", "", kCallLimit);
    EXPECT_TRUE(called) << called.error().ToString();
  }
  void LogComesBack();
  void ControlComesBack();
  void TimeComesBack();
  void TracesComeBack();
  void AHundredConsolesComeAndGo();

  std::unique_ptr<vmm::TimeServer> time_;
  vmm::TraceMemorySink spans_;
  std::unique_ptr<vmm::TraceReceiver> traces_;
};

void HostEnds::LogComesBack() {
  const auto read = [](LogReader& reader, std::string_view text) {
    return reader.ReadUntil(
        [&](const LogEntry& entry) { return entry.line.find(text) != std::string::npos; }, 60s);
  };
  Shell("echo '<14>sample: said before' >/dev/kmsg");
  {
    auto reader = ReadLog();
    ASSERT_TRUE(reader) << reader.error().ToString();
    EXPECT_TRUE(read(*reader, "said before"));
  }
  const auto unread = run_->ConnectWhenUp(kLogPort);  // one that is there and reads nothing
  ASSERT_TRUE(unread);
  Shell("echo '<14>sample: said meanwhile' >/dev/kmsg");
  auto reader = ReadLog();
  ASSERT_TRUE(reader) << reader.error().ToString();
  EXPECT_TRUE(read(*reader, "said before"));
  EXPECT_TRUE(read(*reader, "said meanwhile"));
  for (std::size_t i = 1; i < reader->entries.size(); ++i) {
    ASSERT_EQ(reader->entries[i].seq, reader->entries[i - 1].seq + 1) << reader->entries[i].line;
  }
}

void HostEnds::ControlComesBack() {
  std::uint32_t pid = 0;
  {
    const auto client = run_->DialControl();
    ASSERT_TRUE(client) << client.error().ToString();
    vmm::ExecSession session(**client);
    const auto started = session.Start({.argv = {"sh", "-c", "while :; do :; done"}});
    ASSERT_TRUE(started) << started.error().ToString();
    ASSERT_NE(started->id, 0u) << started->message;
    pid = started->pid;
  }
  EXPECT_TRUE(Eventually([&] {
    const auto ran = RunProgram(*run_, {.argv = {"sh", "-c", fmt::format("kill -0 {}", pid)}});
    return ran && ran->status != 0;
  })) << "the program of a host that went away is still there";
}

void HostEnds::TimeComesBack() {
  ExpectClockBecomes("no reference");
  ASSERT_NO_FATAL_FAILURE(ServeTime());
  ExpectClockBecomes("synchronised");
}

void HostEnds::TracesComeBack() {
  EXPECT_TRUE(spans_.WaitFor("boot", 60s));
  traces_.reset();
  const std::size_t before = spans_.size();
  ASSERT_NO_FATAL_FAILURE(ExpectAgentAnswers());
  EXPECT_EQ(spans_.size(), before);
  ASSERT_NO_FATAL_FAILURE(TakeTraces());
  EXPECT_TRUE(spans_.WaitFor("grpc.AgentService/GetGuestDetails", 60s));
}

void HostEnds::AHundredConsolesComeAndGo() {
  std::vector<UniqueFd> consoles;
  for (std::size_t i = 0; i < kConsoles; ++i) {
    auto console = run_->ConnectWhenUp(kConsolePort);
    ASSERT_TRUE(console) << i << ": " << console.error().ToString();
    consoles.push_back(std::move(*console));
  }
  for (std::size_t i = 0; i < kConsoles; ++i) {
    const std::string text =
        AskConsole(consoles[i].get(), fmt::format("echo con''sole {}.", i), "console ");
    ASSERT_THAT(text, HasSubstr("console ")) << i;
  }
  EXPECT_EQ(ConsoleUnits(), kConsoles);
  ASSERT_NO_FATAL_FAILURE(ExpectAgentAnswers());
  // In the middle of a command and with output that nobody has read, too.
  AskConsole(consoles[0].get(), "while :; do :; done", "");
  AskConsole(consoles[1].get(), "while :; do echo unread; done", "unread");
  consoles.clear();
  EXPECT_TRUE(Eventually([&] { return ConsoleUnits() == 0; }))
      << ConsoleUnits() << " consoles of a host that went away are still there";
  const auto console = run_->ConnectWhenUp(kConsolePort);
  ASSERT_TRUE(console) << console.error().ToString();
  EXPECT_THAT(AskConsole(console->get(), "echo a''live", "alive"), HasSubstr("alive"));
}

TEST_P(HostEnds, GoAwayAndComeBack) {
  ASSERT_NO_FATAL_FAILURE(BootWithHostEnds());
  if (IsSkipped()) return;
  auto begun = Clock::now();
  const auto say = [&begun](const char* part) {
    const std::chrono::duration<double, std::milli> took = Clock::now() - begun;
    std::fprintf(stderr, "  %s: %.0f ms\n", part, took.count());
    begun = Clock::now();
  };
  ASSERT_NO_FATAL_FAILURE(LogComesBack());
  say("log");
  ASSERT_NO_FATAL_FAILURE(ControlComesBack());
  say("control");
  ASSERT_NO_FATAL_FAILURE(ExpectClockBecomes("synchronised"));
  time_.reset();  // noticed while the others are tried
  ASSERT_NO_FATAL_FAILURE(TracesComeBack());
  say("traces");
  ASSERT_NO_FATAL_FAILURE(AHundredConsolesComeAndGo());
  say("a hundred consoles");
  ASSERT_NO_FATAL_FAILURE(TimeComesBack());
  say("time");
  ExpectHealthy();
  ExpectPowerOff();
  EXPECT_TRUE(spans_.WaitFor("sandbox", 0ms)) << "the end did not come";
}

INSTANTIATE_TEST_SUITE_P(Inits, HostEnds, ::testing::Values(kInitrdInro, kInitrdSystemd),
                         [](const auto& variant) { return variant.param.init; });

}  // namespace
}  // namespace inro::boot_test
