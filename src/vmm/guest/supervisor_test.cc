#include "vmm/guest/supervisor.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <thread>

#include "protocol/time_message.h"
#include "sys/file.h"
#include "vmm/guest/ended_guest.h"
#include "vmm/guest/supervisor_protocol.h"
#include "wire/address.h"

namespace inro::vmm {
namespace {

using namespace std::chrono_literals;

// A zombie is as good as gone: an orphan waits for whoever is PID 1 here to reap it.
bool Alive(pid_t pid) {
  const auto stat = sys::ReadFile(fmt::format("/proc/{}/stat", pid));
  return stat && stat->find(") Z ") == std::string::npos && stat->find(") X ") == std::string::npos;
}

// Within a minute, that is: at once, but the machine may be busy.
bool IsGone(pid_t pid) {
  for (const auto end = std::chrono::steady_clock::now() + 60s;
       std::chrono::steady_clock::now() < end; std::this_thread::sleep_for(10ms)) {
    if (!Alive(pid)) return true;
  }
  return !Alive(pid);
}

class SupervisorTest : public testing::Test {
 protected:
  void SetUp() override {
    auto dir = sys::TempDir::Create("inro-supervisor");
    ASSERT_TRUE(dir.has_value()) << dir.error().ToString();
    dir_.emplace(std::move(*dir));
  }
  SupervisorSpec Spec(std::vector<std::string> qemu) const {
    return {.qemu = std::move(qemu), .folder = dir_->path()};
  }
  std::optional<sys::TempDir> dir_;
};

TEST(SupervisorProtocol, SpecSurvivesTheCommandLine) {
  const SupervisorSpec spec{.qemu = {"qemu", "-append", "a=b -- c", ""},
                            .folder = "/run/with space=x",
                            .keep_folder = true,
                            .vhost_socket = "/a",
                            .hybrid_socket = "/b",
                            .guest_cid = 77,
                            .time_limit = 1234ms};
  const auto back = FromWords(ToWords(spec));
  ASSERT_TRUE(back.has_value()) << back.error().ToString();
  EXPECT_EQ(back->qemu, spec.qemu);
  EXPECT_EQ(back->folder, spec.folder);
  EXPECT_TRUE(back->keep_folder);
  EXPECT_EQ(back->vhost_socket, "/a");
  EXPECT_EQ(back->hybrid_socket, "/b");
  EXPECT_EQ(back->guest_cid, 77u);
  EXPECT_EQ(back->time_limit, 1234ms);
  EXPECT_FALSE(FromWords({"inro", "verb", "folder=/x"}).has_value());
  EXPECT_FALSE(FromWords({"inro", "verb", "colour=red", "--", "qemu"}).has_value());
}

TEST(SupervisorProtocol, MessagesSurvive) {
  using Kind = SupervisorMessage::Kind;
  const auto started = ParseSupervisorMessage(
      Encode(SupervisorMessage{.kind = Kind::kStarted, .pid = 5, .time = 9ns}));
  ASSERT_TRUE(started.has_value());
  EXPECT_EQ(started->pid, 5);
  EXPECT_EQ(started->time, 9ns);
  const auto exited = ParseSupervisorMessage(Encode(
      SupervisorMessage{.kind = Kind::kExited, .exit = {GuestExit::Reason::kTimeLimit, 137}}));
  ASSERT_TRUE(exited.has_value());
  EXPECT_EQ(exited->exit.reason, GuestExit::Reason::kTimeLimit);
  EXPECT_EQ(exited->exit.status, 137);
  EXPECT_EQ(ParseSupervisorMessage("failed two words")->text, "two words");
  for (const char* bad :
       {"", "started", "started x 1", "started 5", "exited guest", "exited why 1"}) {
    EXPECT_FALSE(ParseSupervisorMessage(bad).has_value()) << bad;
  }
}

TEST_F(SupervisorTest, ReportsHowTheProgramEnded) {
  auto supervisor = Supervisor::Start(Spec({"sh", "-c", "echo spoken >&2; exit 7"}), -1);
  ASSERT_TRUE(supervisor.has_value()) << supervisor.error().ToString();
  EXPECT_LE(supervisor->exec_time(), std::chrono::steady_clock::now());
  const auto exit = supervisor->WaitExit(60s);
  ASSERT_TRUE(exit.has_value() && exit->has_value());
  EXPECT_EQ((*exit)->reason, GuestExit::Reason::kGuest);
  EXPECT_EQ((*exit)->status, 7);
  EXPECT_EQ(sys::ReadFile(dir_->path() + "/qemu.log").value(), "spoken\n");
}

TEST_F(SupervisorTest, ProgramThatIsNotThereIsAnErrorThatNamesIt) {
  const auto supervisor = Supervisor::Start(Spec({"/nonexistent/qemu"}), -1);
  ASSERT_FALSE(supervisor.has_value());
  EXPECT_NE(supervisor.error().ToString().find("/nonexistent/qemu"), std::string::npos);
}

TEST_F(SupervisorTest, KillEndsBoth) {
  auto supervisor = Supervisor::Start(Spec({"sleep", "1000"}), -1);
  ASSERT_TRUE(supervisor.has_value()) << supervisor.error().ToString();
  const pid_t qemu = supervisor->qemu_pid();
  EXPECT_FALSE(supervisor->WaitExit(20ms).value().has_value());
  EXPECT_TRUE(Alive(qemu));
  supervisor->Kill();
  EXPECT_FALSE(Alive(qemu));
  EXPECT_EQ(supervisor->WaitExit(0ms).value()->reason, GuestExit::Reason::kKilled);
}

TEST_F(SupervisorTest, TimeLimitHolds) {
  SupervisorSpec spec = Spec({"sleep", "1000"});
  spec.time_limit = 100ms;
  auto supervisor = Supervisor::Start(spec, -1);
  ASSERT_TRUE(supervisor.has_value()) << supervisor.error().ToString();
  const auto exit = supervisor->WaitExit(60s);
  ASSERT_TRUE(exit.has_value() && exit->has_value());
  EXPECT_EQ((*exit)->reason, GuestExit::Reason::kTimeLimit);
}

TEST_F(SupervisorTest, DeathOfTheSupervisorTakesTheProgramAlong) {
  auto supervisor = Supervisor::Start(Spec({"sleep", "1000"}), -1);
  ASSERT_TRUE(supervisor.has_value()) << supervisor.error().ToString();
  const pid_t qemu = supervisor->qemu_pid();
  ::kill(supervisor->pid(), SIGKILL);
  EXPECT_FALSE(supervisor->WaitExit(60s).has_value());
  EXPECT_TRUE(IsGone(qemu));
}

// Starts `argv` under a supervisor in a child process and kills that child with SIGKILL: QEMU and
// the supervisor must go, and the run folder with them.
void KillTheOwner(const std::string& folder, const std::vector<std::string>& argv) {
  const SupervisorSpec spec{.qemu = argv, .folder = folder};
  int fds[2];
  ASSERT_EQ(::pipe(fds), 0);
  const pid_t owner = ::fork();
  if (owner == 0) {
    auto supervisor = Supervisor::Start(spec, -1);
    const pid_t pids[2] = {supervisor ? supervisor->pid() : -1,
                           supervisor ? supervisor->qemu_pid() : -1};
    (void)!::write(fds[1], pids, sizeof pids);
    ::pause();
    ::_exit(0);
  }
  pid_t pids[2] = {-1, -1};
  ASSERT_EQ(::read(fds[0], pids, sizeof pids), static_cast<ssize_t>(sizeof pids));
  ::close(fds[0]);
  ::close(fds[1]);
  ASSERT_GT(pids[0], 0);
  ASSERT_GT(pids[1], 0);
  std::this_thread::sleep_for(200ms);
  ASSERT_TRUE(Alive(pids[0]));
  ASSERT_TRUE(Alive(pids[1]));
  ::kill(owner, SIGKILL);
  ::waitpid(owner, nullptr, 0);
  EXPECT_TRUE(IsGone(pids[1]));
  EXPECT_TRUE(IsGone(pids[0]));
  EXPECT_FALSE(sys::Exists(folder));
}

TEST_F(SupervisorTest, ADetachedGuestOutlivesItsOwnerAndLeavesItsLogs) {
  const std::string run = dir_->path() + "/run/one";
  const std::string state = dir_->path() + "/state";
  ASSERT_TRUE(sys::MakeDirectories(run).has_value());
  ::setenv("XDG_STATE_HOME", state.c_str(), 1);
  ASSERT_TRUE(WriteGuestRecord({run}, {.name = "one"}).has_value());
  int fds[2];
  ASSERT_EQ(::pipe(fds), 0);
  const std::string go_on = dir_->path() + "/go-on";
  const pid_t owner = ::fork();
  if (owner == 0) {
    // Ends by itself, as a guest does, when the file is there.
    const SupervisorSpec spec{
        .qemu = {"sh", "-c",
                 "until [ -e '" + go_on + "' ]; do sleep 0.05; done; echo spoken; exit 3"},
        .folder = run};
    pid_t pids[2] = {-1, -1};
    auto supervisor = Supervisor::Start(spec, -1);
    if (supervisor) {
      pids[0] = supervisor->pid();
      pids[1] = supervisor->qemu_pid();
      if (!supervisor->Detach()) pids[0] = -1;
    }
    (void)!::write(fds[1], pids, sizeof pids);
    ::_exit(0);
  }
  pid_t pids[2] = {-1, -1};
  ASSERT_EQ(::read(fds[0], pids, sizeof pids), static_cast<ssize_t>(sizeof pids));
  ::close(fds[0]);
  ::close(fds[1]);
  ::waitpid(owner, nullptr, 0);
  ASSERT_GT(pids[0], 0);
  std::this_thread::sleep_for(200ms);
  EXPECT_TRUE(Alive(pids[0]));
  EXPECT_TRUE(Alive(pids[1]));
  EXPECT_TRUE(EndedGuests().empty());

  ASSERT_TRUE(sys::WriteFile(go_on, "").has_value());
  EXPECT_TRUE(IsGone(pids[0]));
  EXPECT_FALSE(sys::Exists(run));
  const std::vector<EndedGuest> ended = EndedGuests();
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].record.name, "one");
  EXPECT_EQ(ended[0].record.end, "ended with status 3");
  EXPECT_EQ(sys::ReadFile(ended[0].folder + "/qemu.log").value(), "spoken\n");
  ::unsetenv("XDG_STATE_HOME");
}

TEST_F(SupervisorTest, ADetachedGuestEndsBySigtermOfItsSupervisor) {
  ::setenv("XDG_STATE_HOME", (dir_->path() + "/state").c_str(), 1);
  const std::string run = dir_->path() + "/run/two";
  ASSERT_TRUE(sys::MakeDirectories(run).has_value());
  ASSERT_TRUE(WriteGuestRecord({run}, {.name = "two"}).has_value());
  auto supervisor = Supervisor::Start({.qemu = {"sleep", "1000"}, .folder = run}, -1);
  ASSERT_TRUE(supervisor.has_value()) << supervisor.error().ToString();
  const pid_t pids[2] = {supervisor->pid(), supervisor->qemu_pid()};
  ASSERT_TRUE(supervisor->Detach().has_value());
  EXPECT_TRUE(Alive(pids[1]));
  ::kill(pids[0], SIGTERM);
  EXPECT_TRUE(IsGone(pids[0]));
  EXPECT_TRUE(IsGone(pids[1]));
  EXPECT_FALSE(sys::Exists(run));
  EXPECT_EQ(EndedGuests().at(0).record.end, "was killed");
  ::waitpid(pids[0], nullptr, 0);
  ::unsetenv("XDG_STATE_HOME");
}

TEST_F(SupervisorTest, AGuestThatHasEndedCannotBeDetached) {
  auto supervisor = Supervisor::Start(Spec({"true"}), -1);
  ASSERT_TRUE(supervisor.has_value());
  ASSERT_TRUE(supervisor->WaitExit(60s).value().has_value());
  EXPECT_FALSE(supervisor->Detach().has_value());
}

TEST_F(SupervisorTest, ServesTheTimeBesideTheHybridSocket) {
  SupervisorSpec spec = Spec({"sleep", "1000"});
  spec.hybrid_socket = dir_->path() + "/vsock.sock";
  auto supervisor = Supervisor::Start(spec, -1);
  ASSERT_TRUE(supervisor.has_value()) << supervisor.error().ToString();
  wire::Address address;
  address.path = spec.hybrid_socket + "_10123";
  const auto socket = wire::Connect(address, 60s);
  ASSERT_TRUE(socket.has_value()) << socket.error().ToString();
  const auto request = protocol::Encode(protocol::TimeMessage{.sequence = 1});
  ASSERT_EQ(::write(socket->get(), request.data(), request.size()), 48);
  protocol::TimeBytes answer;
  ASSERT_EQ(::read(socket->get(), answer.data(), answer.size()), 48);
  EXPECT_NEAR(static_cast<double>(protocol::ParseTimeMessage(answer)->t2) / 1e9,
              static_cast<double>(std::time(nullptr)), 60);
}

TEST_F(SupervisorTest, NothingIsLeftAfterSigkillOfTheOwner) {
  const std::string folder = dir_->path() + "/run";
  ASSERT_TRUE(sys::MakeDirectories(folder).has_value());
  KillTheOwner(folder, {"sleep", "1000"});
}

TEST_F(SupervisorTest, NoQemuIsLeftAfterSigkillOfTheOwner) {
  if (std::system("command -v qemu-system-x86_64 >/dev/null") != 0) {
    GTEST_SKIP() << "qemu-system-x86_64 is not installed";
  }
  const std::string folder = dir_->path() + "/run";
  ASSERT_TRUE(sys::MakeDirectories(folder).has_value());
  KillTheOwner(folder,
               {"qemu-system-x86_64", "-machine", "none", "-display", "none", "-nodefaults", "-S"});
}

}  // namespace
}  // namespace inro::vmm
