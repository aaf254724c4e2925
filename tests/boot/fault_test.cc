// What goes wrong in a guest stays where it is: a role that is killed comes back, a full /run, a
// fork bomb and a pause leave PID 1, the agent and the other services as they were.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <map>
#include <set>
#include <thread>

#include "guest_run.h"
#include "guest_shell.h"
#include "log_reader.h"
#include "protocol/agent_api.h"
#include "sys/file.h"
#include "vmm/control/exec_session.h"

namespace inro::boot_test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Clock = std::chrono::steady_clock;
using vmm::LogEntry;

constexpr std::uint32_t kLogPort = 1025;
constexpr std::uint32_t kConsolePort = 1026;
const std::vector<std::string> kWords = {"agent.log_vport=1025", "agent.debug_console",
                                         "agent.debug_console_vport=1026", "agent.trace"};

// images/debian with coreutils, and services that nobody wants until a case starts them.
GuestSpec FaultSpec(const image::Variant& variant) {
  const auto unit = [](const std::string& name, const std::string& service) {
    return "[[files]]\npath = \"/usr/lib/systemd/system/" + name +
           "\"\ncontent = '''\n[Service]\n" + service + "'''\n";
  };
  GuestSpec spec = DebianWith(
      "faults-" + variant.init, "",
      unit("late.service", "ExecStart=/usr/bin/sleep infinity\n") +
          // Each process leaves two that never end.
          unit("bomb.service", "ExecStart=/bin/sh -c 'b() { b & b & while :; do :; done; }; b'\n") +
          unit("bomb-limited.service",
               "ExecStart=/bin/sh -c 'b() { b & b & while :; do :; done; }; b'\nTasksMax=20\n") +
          unit("count.service",
               "ExecStart=/bin/sh -c 'i=0; while [ $$i -lt 4000 ]; do echo count $$i; "
               "i=$$((i+1)); done; echo count over; exec sleep infinity'\n"),
      {variant});
  AddPackage(spec, "coreutils");
  return spec;
}

class Faults : public BootTest, public ::testing::WithParamInterface<image::Variant> {
 protected:
  Result<Ran> TryShell(const std::string& script) {
    return RunProgram(*run_, {.argv = {"sh", "-c", script}});
  }
  Ran Shell(const std::string& script) {
    const auto ran = TryShell(script);
    EXPECT_TRUE(ran) << script << ": " << ran.error().ToString();
    return ran.value_or(Ran{});
  }
  Result<> CheckAgent() {
    INRO_ASSIGN(const auto agent, run_->Dial(protocol::kAgentPort));
    INRO_TRY(agent->CallOk(protocol::kHealthService, "Check", "", kCallLimit));
    return {};
  }
  // Main processes of running units.
  std::map<std::string, std::uint32_t> Pids() {
    std::map<std::string, std::uint32_t> pids;
    const auto state = run_->State();
    EXPECT_TRUE(state) << state.error().ToString();
    if (!state) return pids;
    for (const protocol::UnitState& unit : state->units) {
      if (unit.pid != 0 && unit.name.ends_with(".service")) pids[unit.name] = unit.pid;
    }
    return pids;
  }
  template <class Holds>
  bool Eventually(Holds holds, std::chrono::seconds limit = 90s) {
    const auto deadline = Clock::now() + limit;
    while (!holds()) {
      if (Clock::now() > deadline) return false;
      std::this_thread::sleep_for(200ms);
    }
    return true;
  }
  Result<LogReader> ReadLog() {
    INRO_ASSIGN(UniqueFd socket, run_->ConnectWhenUp(kLogPort));
    return LogReader(std::move(socket));
  }
  // The log tells that the unit's process was killed.
  bool LogTellsOf(const std::string& unit) {
    auto reader = ReadLog();
    return reader && reader->ReadUntil(
                         [&](const LogEntry& entry) {
                           return entry.message.find(unit) != std::string::npos &&
                                  (entry.message.find("started again") != std::string::npos ||
                                   entry.message.find("status=9/KILL") != std::string::npos);
                         },
                         60s);
  }
  void ExpectRoleComesBack(const std::string& unit);
  void ExpectConsoleComesBack();
  void ExpectOthersAnswerBeside(const std::string& bomb, int most);
};

void Faults::ExpectRoleComesBack(const std::string& unit) {
  SCOPED_TRACE(unit);
  auto before = Pids();
  ASSERT_TRUE(before.contains(unit));
  const auto killed = TryShell(fmt::format("kill -KILL {}", before[unit]));
  // Role control takes the program that kills it along.
  if (unit != "inro-control.service") {
    EXPECT_TRUE(killed && killed->status == 0);
  }
  std::map<std::string, std::uint32_t> after;
  EXPECT_TRUE(Eventually([&] {
    after = Pids();
    return after.contains(unit) && after[unit] != before[unit];
  })) << "it has not come back";
  for (const auto& [other, pid] : before) {
    if (other == unit) continue;
    EXPECT_EQ(after[other], pid) << other << " has noticed";
  }
  EXPECT_TRUE(LogTellsOf(unit));
  const auto answered = CheckAgent();
  EXPECT_TRUE(answered) << answered.error().ToString();
}

void Faults::ExpectConsoleComesBack() {
  for (int time = 0; time < 2; ++time) {
    const auto console = run_->ConnectWhenUp(kConsolePort);
    ASSERT_TRUE(console) << console.error().ToString();
    EXPECT_THAT(AskConsole(console->get(), "echo a''live", "alive"), HasSubstr("alive"));
    const auto state = run_->State();
    ASSERT_TRUE(state);
    for (const protocol::ProcessState& process : state->processes) {
      if (!process.unit.starts_with("inro-console@")) continue;
      Shell(fmt::format("kill -KILL {}", process.pid));
    }
    EXPECT_THAT(AskConsole(console->get(), "echo st''ill", "still"),
                ::testing::Not(HasSubstr("still")));
  }
}

TEST_P(Faults, ARoleThatIsKilledComesBackAndNothingElseNotices) {
  INRO_BOOT(FaultSpec(GetParam()), GetParam(), kWords);
  for (const char* unit :
       {"inro-logs.service", "inro-clock.service", "inro-trace.service", "inro-control.service"}) {
    ExpectRoleComesBack(unit);
  }
  ExpectConsoleComesBack();
  // A sandbox without its agent is over: the guest ends, in order, and says why.
  units_may_fail_ = true;
  const auto agent = Pids();
  ASSERT_TRUE(agent.contains("kata-agent.service"));
  // The guest's end may come before the answer.
  (void)TryShell(fmt::format("kill -KILL {}", agent.at("kata-agent.service")));
  const auto exit = run_->WaitExit(90s);
  ASSERT_TRUE(exit) << exit.error().ToString();
  EXPECT_EQ(exit->reason, vmm::GuestExit::Reason::kGuest) << exit->ToString();
  EXPECT_EQ(exit->status, 0) << exit->ToString();
  EXPECT_THAT(run_->Console(), HasSubstr("Power down"));
}

TEST_P(Faults, AFullRunFolder) {
  INRO_BOOT(FaultSpec(GetParam()), GetParam(), kWords);
  ExpectHealthy();
  const auto before = Pids();
  // The last page too.
  Shell("cat /dev/zero >/run/fill; while echo full >>/run/fill; do :; done");
  EXPECT_NE(Shell("echo more >/run/more").status, 0) << "/run is not full";

  // PID 1, the agent, exec and systemctl answer.
  EXPECT_EQ(Shell("systemctl is-active kata-agent.service").out, "active\n");
  const Ran started = Shell("systemctl start late.service");
  std::fprintf(stderr, "  start on a full /run: %d %s\n", started.status, started.out.c_str());
  EXPECT_TRUE(started.status == 0 || !started.out.empty()) << "it failed without a word";
  EXPECT_TRUE(CheckAgent());
  Shell(fmt::format("kill -KILL {}", before.at("inro-clock.service")));

  ASSERT_EQ(Shell("rm /run/fill").status, 0);
  EXPECT_TRUE(Eventually([&] {
    const auto now = Pids();
    return now.contains("inro-clock.service") &&
           now.at("inro-clock.service") != before.at("inro-clock.service");
  })) << "the clock has not come back";
  EXPECT_TRUE(Eventually([&] { return Shell("systemctl start late.service").status == 0; }));
  EXPECT_TRUE(Eventually([&] { return Pids().contains("late.service"); }));
  for (const auto& [unit, pid] : before) {
    if (unit == "inro-clock.service" || unit == "inro-control.service") continue;
    EXPECT_EQ(Pids()[unit], pid) << unit;
  }
  ExpectHealthy();
  ExpectPowerOff();
}

void Faults::ExpectOthersAnswerBeside(const std::string& bomb, int most) {
  INRO_BOOT(FaultSpec(GetParam()), GetParam(), kWords);
  ExpectHealthy();
  units_may_fail_ = true;  // the bomb
  const auto before = Pids();
  ASSERT_EQ(Shell(fmt::format("systemctl start {}", bomb)).status, 0);
  const std::string group = "/sys/fs/cgroup/system.slice/" + bomb;
  int bombs = 0;
  EXPECT_TRUE(Eventually([&] {
    const auto count = TryShell(fmt::format("cat {}/pids.current", group));
    bombs = count ? std::atoi(count->out.c_str()) : 0;
    return bombs > 10;
  })) << "it has not gone off";
  std::this_thread::sleep_for(3s);
  const auto asked = Clock::now();
  const auto agent = CheckAgent();
  EXPECT_TRUE(agent) << agent.error().ToString();
  const auto checked = Clock::now();
  const Ran count = Shell(fmt::format("cat {}/pids.current", group));
  bombs = std::atoi(count.out.c_str());
  const auto ran = Clock::now();
  const auto console = run_->ConnectWhenUp(kConsolePort);
  EXPECT_TRUE(console);
  if (console) {
    EXPECT_THAT(AskConsole(console->get(), "echo a''live", "alive"), HasSubstr("alive"));
  }
  const auto seen = Clock::now();
  const auto ms = [](auto time) { return std::chrono::duration<double, std::milli>(time).count(); };
  std::fprintf(stderr, "  %s: %d processes; agent %.0f ms, exec %.0f ms, console %.0f ms\n",
               bomb.c_str(), bombs, ms(checked - asked), ms(ran - checked), ms(seen - ran));
  // A shell that cannot fork any more ends.
  EXPECT_GT(bombs, 1);
  EXPECT_LE(bombs, most);
  const auto stopping = Clock::now();
  ASSERT_EQ(Shell(fmt::format("systemctl stop {}", bomb)).status, 0);
  std::fprintf(stderr, "  %s stopped in %.0f ms\n", bomb.c_str(), ms(Clock::now() - stopping));
  EXPECT_TRUE(Eventually([&] {
    const Ran left = Shell(fmt::format("cat {}/cgroup.procs 2>/dev/null", group));
    return left.out.empty();
  })) << "processes of the bomb are left";
  auto after = Pids();
  for (const auto& [unit, pid] : before) {
    if (unit == "inro-control.service") continue;
    EXPECT_EQ(after[unit], pid) << unit;
  }
  ExpectPowerOff();
}

TEST_P(Faults, AForkBombWithALimit) { ExpectOthersAnswerBeside("bomb-limited.service", 20); }

// The init's own limit: 15 % of what the machine allows.
TEST_P(Faults, AForkBombWithoutALimit) { ExpectOthersAnswerBeside("bomb.service", 4000); }

// A program of the host's that gives back each line, over a pause of the guest.
class Echo {
 public:
  static Result<std::unique_ptr<Echo>> Start(GuestRun& run) {
    INRO_ASSIGN(auto client, run.DialControl());
    auto echo = std::unique_ptr<Echo>(new Echo(std::move(client)));
    INRO_ASSIGN(const auto started, echo->session_.Start({.argv = {"cat"}}));
    if (started.id == 0) return Fail("{}", started.message);
    int in[2];
    int out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) return FailErrno("pipe");
    echo->in_read_.reset(in[0]);
    echo->in_.reset(in[1]);
    echo->out_.reset(out[0]);
    echo->out_write_.reset(out[1]);
    echo->thread_ = std::thread([self = echo.get()] {
      const auto end = self->session_.Run({.in = self->in_read_.get(),
                                           .out = self->out_write_.get(),
                                           .err = self->out_write_.get()});
      self->status_ = end ? end->ExitStatus() : -1;
      self->out_write_.reset();
    });
    return echo;
  }
  ~Echo() { End(); }
  std::string Say(const std::string& line) {
    EXPECT_TRUE(sys::WriteAll(in_.get(), line + "\n", "the session"));
    std::string text;
    char byte = 0;
    while (text.size() <= line.size() && ::read(out_.get(), &byte, 1) == 1) text += byte;
    return text;
  }
  // Its end of input is the program's end.
  int End() {
    in_.reset();
    if (thread_.joinable()) thread_.join();
    return status_;
  }

 private:
  explicit Echo(std::unique_ptr<wire::Client> client)
      : client_(std::move(client)), session_(*client_) {}
  std::unique_ptr<wire::Client> client_;
  vmm::ExecSession session_;
  UniqueFd in_, in_read_, out_, out_write_;
  std::thread thread_;
  int status_ = -1;
};

TEST_P(Faults, APauseUnderLoadLosesNothing) {
  std::vector<std::string> words = kWords;
  words.push_back("inro.log_rate=100000");
  INRO_BOOT(FaultSpec(GetParam()), GetParam(), words);
  ExpectHealthy();
  auto reader = ReadLog();
  ASSERT_TRUE(reader) << reader.error().ToString();
  auto echo = Echo::Start(*run_);
  ASSERT_TRUE(echo) << echo.error().ToString();
  EXPECT_EQ((*echo)->Say("before"), "before\n");
  ASSERT_EQ(Shell("systemctl start count.service").status, 0);
  EXPECT_TRUE(reader->ReadUntilMessage("count 100"));
  ASSERT_TRUE(run_->guest().Pause());
  std::this_thread::sleep_for(4s);
  ASSERT_TRUE(run_->guest().Resume());
  EXPECT_EQ((*echo)->Say("after"), "after\n");
  EXPECT_TRUE(reader->ReadUntilMessage("count over", 120s));
  std::multiset<std::string> counted;
  for (const LogEntry& entry : reader->entries) {
    EXPECT_EQ(entry.lost, 0u) << entry.line;
    if (entry.unit == "count.service") counted.insert(entry.message);
  }
  for (int i = 0; i < 4000; ++i) {
    ASSERT_EQ(counted.count(fmt::format("count {}", i)), 1u) << i;
  }
  for (std::size_t i = 1; i < reader->entries.size(); ++i) {
    ASSERT_EQ(reader->entries[i].seq, reader->entries[i - 1].seq + 1) << reader->entries[i].line;
  }
  // Who comes later reads the same from the oldest that is kept.
  auto later = ReadLog();
  ASSERT_TRUE(later);
  EXPECT_TRUE(later->ReadUntilMessage("count over"));
  EXPECT_EQ((*echo)->End(), 0);
  ExpectHealthy();
  ExpectPowerOff();
}

INSTANTIATE_TEST_SUITE_P(Inits, Faults, ::testing::Values(kInitrdInro, kInitrdSystemd),
                         [](const auto& variant) { return variant.param.init; });

}  // namespace
}  // namespace inro::boot_test
