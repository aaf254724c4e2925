// Both ends of the host's control of a guest: role control as a process, and the host's side of it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <random>
#include <thread>

#include "guest/control/control_role.h"
#include "protocol/control_policy.h"
#include "protocol/copy_message.h"
#include "sys/directory.h"
#include "sys/file.h"
#include "vmm/control/control_call.h"
#include "vmm/control/copy.h"
#include "vmm/control/exec_session.h"

namespace inro {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class ControlEnds : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = sys::TempDir::Create("inro-control");
    ASSERT_TRUE(folder.has_value());
    folder_.emplace(std::move(*folder));
  }
  void TearDown() override { StopRole(SIGTERM); }

  // The role, with a policy of its own.
  void StartRole(protocol::ControlPolicy policy) {
    const std::string file = Path("control.conf");
    ASSERT_TRUE(sys::WriteFile(file, protocol::ControlPolicyText(policy)));
    address_ = {.kind = wire::Address::Kind::kUnix, .cid = 0, .port = 0, .path = Path("socket")};
    ::unlink(address_.path.c_str());
    pid_ = ::fork();
    ASSERT_GE(pid_, 0);
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::setenv("INRO_CONTROL_ADDR", address_.ToString().c_str(), 1);
      ::setenv("INRO_CONTROL_POLICY", file.c_str(), 1);
      char name[] = "control";
      char* arguments[] = {name, nullptr};
      ::_exit(guest::control::RunControl(1, arguments));
    }
    // It is there before it listens.
    EXPECT_TRUE(Wait([&] { return wire::Client::Connect(address_, 60s).has_value(); }));
  }

  template <class F>
  static bool Wait(F condition) {
    for (int i = 0; i < 6'000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(10ms);
    }
    return false;
  }

  void StopRole(int signal) {
    if (pid_ <= 0) return;
    ::kill(pid_, signal);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    if (signal == SIGTERM) {
      EXPECT_EQ(status, 0);
    }
    pid_ = -1;
  }

  std::unique_ptr<wire::Client> Connect() {
    auto client = wire::Client::Connect(address_, 60s);
    EXPECT_TRUE(client.has_value());
    return client ? std::move(*client) : nullptr;
  }

  std::string Path(const std::string& name) const { return folder_->path() + "/" + name; }

  struct Ran {
    int status = -1;
    std::string out;
    std::string err;
  };
  // Runs a program with this input, as the verb does.
  Ran Exec(protocol::ExecStartRequest request, const std::string& input = "") {
    const auto client = Connect();
    vmm::ExecSession session(*client);
    const auto started = session.Start(request);
    EXPECT_TRUE(started.has_value()) << started.error().ToString();
    Ran ran;
    if (!started) return ran;
    if (started->id == 0) {
      ran.status = vmm::StatusOfFailedStart(*started);
      ran.err = started->message;
      return ran;
    }
    EXPECT_TRUE(sys::WriteFile(Path("in"), input));
    const auto in = sys::Open(Path("in"), O_RDONLY);
    const auto out = sys::Open(Path("out"), O_RDWR | O_CREAT | O_TRUNC);
    const auto err = sys::Open(Path("err"), O_RDWR | O_CREAT | O_TRUNC);
    const auto end = session.Run({.in = in->get(), .out = out->get(), .err = err->get()});
    EXPECT_TRUE(end.has_value()) << end.error().ToString();
    if (end) ran.status = end->ExitStatus();
    ran.out = sys::ReadFile(Path("out")).value_or("");
    ran.err = sys::ReadFile(Path("err")).value_or("");
    return ran;
  }
  Ran Shell(const std::string& script, const std::string& input = "") {
    protocol::ExecStartRequest request;
    request.argv = {"sh", "-c", script};
    return Exec(std::move(request), input);
  }

  std::optional<sys::TempDir> folder_;
  wire::Address address_;
  pid_t pid_ = -1;
};

constexpr protocol::ControlPolicy kOpen{protocol::ConsolePolicy::kAlways, true};
constexpr protocol::ControlPolicy kClosed{protocol::ConsolePolicy::kNever, false};

TEST_F(ControlEnds, StreamsAndStatuses) {
  StartRole(kOpen);
  const Ran ran = Shell("cat; echo to-err >&2; exit 7", "from in\n");
  EXPECT_EQ(ran.status, 7);
  EXPECT_EQ(ran.out, "from in\n");
  EXPECT_EQ(ran.err, "to-err\n");
  EXPECT_EQ(Shell("kill -TERM $$").status, 128 + SIGTERM);
  EXPECT_EQ(Exec({.argv = {"true"}}).status, 0);
  const Ran absent = Exec({.argv = {"no-such-program"}});
  EXPECT_EQ(absent.status, 127);
  EXPECT_THAT(absent.err, HasSubstr("no-such-program"));
  EXPECT_EQ(Exec({.argv = {"/etc/passwd"}}).status, 126);
  EXPECT_EQ(Exec({.argv = {"pwd"}, .directory = "/usr"}).out, "/usr\n");
  EXPECT_NE(Exec({.argv = {"pwd"}, .directory = "/no/such"}).status, 0);
}

TEST_F(ControlEnds, EnvironmentAndUser) {
  StartRole(kOpen);
  const Ran ran =
      Exec({.argv = {"sh", "-c", "echo $X $HOME $PATH; id -u; id -g"}, .env = {"X=y z"}});
  EXPECT_THAT(ran.out, HasSubstr("y z"));
  EXPECT_THAT(ran.out, HasSubstr("/usr/bin"));
  EXPECT_THAT(Exec({.argv = {"true"}, .user = "no-such-user"}).err, HasSubstr("no user"));
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  const Ran other = Exec({.argv = {"id"}, .user = "nobody"});
  EXPECT_THAT(other.out, HasSubstr("(nobody)"));
  EXPECT_EQ(Exec({.argv = {"id", "-u"}, .user = "4321:99"}).out, "4321\n");
  EXPECT_EQ(Exec({.argv = {"id", "-g"}, .user = "4321:99"}).out, "99\n");
}

TEST_F(ControlEnds, MuchOutputComesWholeAndInOrder) {
  StartRole(kOpen);
  const Ran ran = Shell("i=0; while [ $i -lt 30000 ]; do echo number $i; i=$((i+1)); done");
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(std::ranges::count(ran.out, '\n'), 30000);
  EXPECT_TRUE(ran.out.ends_with("number 29999\n"));
  std::string input(8 << 20, 'x');
  input += "end";
  const Ran through = Shell("cat", input);
  EXPECT_EQ(through.out.size(), input.size());
  EXPECT_EQ(through.out, input);
}

TEST_F(ControlEnds, ATerminalHasASizeAndAControllingSession) {
  StartRole(kOpen);
  protocol::ExecStartRequest request;
  request.argv = {"sh", "-c",
                  "stty size; test -t 0 && test -t 2 && tty >/dev/null && echo tty-ok; ps -o tty= "
                  "-p $$ 2>/dev/null"};
  request.terminal = true;
  request.rows = 33;
  request.columns = 101;
  const Ran ran = Exec(request);
  EXPECT_EQ(ran.status, 0);
  EXPECT_THAT(ran.out, HasSubstr("33 101"));
  EXPECT_THAT(ran.out, HasSubstr("tty-ok"));
}

TEST_F(ControlEnds, SignalsReachTheProgram) {
  StartRole(kOpen);
  const auto client = Connect();
  vmm::ExecSession session(*client);
  const auto started = session.Start(
      {.argv = {"sh", "-c",
                "trap 'exit 42' USR1; echo >" + Path("up") + "; while :; do sleep 0.05; done"}});
  ASSERT_TRUE(started.has_value());
  std::thread sender([&] {
    EXPECT_TRUE(Wait([&] { return sys::Exists(Path("up")); }));
    session.Signal(SIGUSR1);
  });
  const auto end = session.Run({});
  sender.join();
  ASSERT_TRUE(end.has_value()) << end.error().ToString();
  EXPECT_EQ(end->ExitStatus(), 42);
}

bool Lives(pid_t pid) {
  const auto status = sys::ReadFile(fmt::format("/proc/{}/stat", pid));
  return status && status->find(") Z ") == std::string::npos;
}

TEST_F(ControlEnds, BackgroundProgramsDoNotHoldTheSession) {
  StartRole(kOpen);
  const Ran ran = Shell("sleep 1000 & echo $!");
  EXPECT_EQ(ran.status, 0);
  const pid_t background = std::atoi(ran.out.c_str());
  ASSERT_GT(background, 1);
  EXPECT_TRUE(Lives(background));
  ::kill(background, SIGKILL);
}

TEST_F(ControlEnds, AGoneHostTakesItsProgramsAlong) {
  StartRole(kOpen);
  auto client = Connect();
  vmm::ExecSession session(*client);
  const auto started = session.Start({.argv = {"sh", "-c", "trap '' HUP TERM; sleep 1000 & wait"}});
  ASSERT_TRUE(started.has_value());
  const auto pid = static_cast<pid_t>(started->pid);
  ASSERT_TRUE(Lives(pid));
  client.reset();
  EXPECT_TRUE(Wait([&] { return !Lives(pid); }));
  EXPECT_EQ(Shell("echo still here").out, "still here\n");
}

TEST_F(ControlEnds, OtherConnectionsCannotReachAProgram) {
  StartRole(kOpen);
  const auto client = Connect();
  vmm::ExecSession session(*client);
  const auto started = session.Start({.argv = {"sleep", "60"}});
  ASSERT_TRUE(started.has_value());
  const auto other = Connect();
  const auto refused = vmm::CallControl<protocol::ExecWaitResponse>(
      *other, "ExecWait", protocol::ExecWaitRequest{started->id});
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().ToString(), HasSubstr("no program"));
}

TEST_F(ControlEnds, WithoutLeaveEverythingButStateIsRefused) {
  StartRole(kClosed);
  const auto client = Connect();
  vmm::ExecSession session(*client);
  const auto refused = session.Start({.argv = {"true"}});
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().ToString(), HasSubstr("debug = true"));
  ASSERT_TRUE(sys::WriteFile(Path("file"), "x"));
  const auto copied = vmm::CopyToGuest(*client, Path("file"), Path("there"), {});
  ASSERT_FALSE(copied.has_value());
  EXPECT_THAT(copied.error().ToString(), HasSubstr("debug = true"));
  EXPECT_FALSE(vmm::CopyFromGuest(*client, Path("file"), Path("there"), {}).has_value());
  EXPECT_FALSE(sys::Exists(Path("there")));
  // There may be no init here to ask for units; but it is not refused.
  const auto state_answer = client->Call(protocol::kControlService, "State", "", 60s);
  ASSERT_TRUE(state_answer.has_value());
  EXPECT_NE(state_answer->status.code, wire::Code::kPermissionDenied);
  const auto state = vmm::CallControl<protocol::RoleStateResponse>(
      *client, "RoleState", protocol::RoleStateRequest{"../../etc/passwd"});
  ASSERT_FALSE(state.has_value());
  EXPECT_THAT(state.error().ToString(), HasSubstr("no name of a role"));
}

TEST_F(ControlEnds, TheRoleComesBackAfterAnyEnd) {
  StartRole(kOpen);
  const auto client = Connect();
  vmm::ExecSession session(*client);
  ASSERT_TRUE(session.Start({.argv = {"sleep", "1000"}}).has_value());
  StopRole(SIGKILL);
  EXPECT_FALSE(session.Run({}).has_value());
  StartRole(kOpen);
  EXPECT_EQ(Shell("echo again").out, "again\n");
}

std::string Noise(std::size_t size) {
  std::mt19937_64 random(size);
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i + 8 <= size; i += 8) {
    const std::uint64_t value = random();
    std::memcpy(bytes.data() + i, &value, 8);
  }
  return bytes;
}

TEST_F(ControlEnds, FilesAndTreesBothWays) {
  StartRole(kOpen);
  const std::string tree = Path("tree");
  ASSERT_TRUE(sys::MakeDirectories(tree + "/a/b"));
  for (int i = 0; i < 700; ++i) {
    ASSERT_TRUE(sys::WriteFile(fmt::format("{}/a/file{}", tree, i), fmt::format("content {}", i)));
  }
  const std::string noise = Noise(5'000'003);
  ASSERT_TRUE(sys::WriteFile(tree + "/a/b/large", noise, 0751));
  ASSERT_TRUE(sys::WriteFile(tree + "/empty", ""));
  ASSERT_EQ(::link((tree + "/a/b/large").c_str(), (tree + "/z-twin").c_str()), 0);
  ASSERT_EQ(::symlink("a/b", (tree + "/link").c_str()), 0);
  ASSERT_TRUE(sys::MakeDirectories(Path("there")));
  const auto client = Connect();
  const auto sent = vmm::CopyToGuest(*client, tree, Path("there"), {});
  ASSERT_TRUE(sent.has_value()) << sent.error().ToString();
  EXPECT_EQ(sent->destination, Path("there") + "/tree");
  EXPECT_EQ(sent->files, 707u);
  EXPECT_GE(sent->bytes, noise.size());
  const auto back = vmm::CopyFromGuest(*client, Path("there") + "/tree", Path("back"), {});
  ASSERT_TRUE(back.has_value()) << back.error().ToString();
  const Ran diff =
      Shell(fmt::format("diff -r {} {} && diff -r {} {} && stat -c %a {}/a/b/large", tree,
                        Path("there") + "/tree", tree, Path("back"), Path("back")));
  EXPECT_EQ(diff.out, "751\n") << diff.err;
  struct stat large{};
  struct stat twin{};
  ASSERT_EQ(::stat((Path("back") + "/a/b/large").c_str(), &large), 0);
  ASSERT_EQ(::stat((Path("back") + "/z-twin").c_str(), &twin), 0);
  EXPECT_EQ(large.st_ino, twin.st_ino);
  ASSERT_EQ(::lstat((Path("back") + "/link").c_str(), &twin), 0);
  EXPECT_TRUE(S_ISLNK(twin.st_mode));
}

TEST_F(ControlEnds, HolesAreNotSent) {
  StartRole(kOpen);
  const std::string file = Path("sparse");
  {
    const auto fd = sys::Open(file, O_WRONLY | O_CREAT);
    ASSERT_EQ(::pwrite(fd->get(), "data", 4, 32 << 20), 4);
    ASSERT_EQ(::ftruncate(fd->get(), 64 << 20), 0);
  }
  const auto client = Connect();
  const auto sent = vmm::CopyToGuest(*client, file, Path("copy"), {});
  ASSERT_TRUE(sent.has_value()) << sent.error().ToString();
  EXPECT_LT(sent->bytes, 1u << 20);
  const auto back = vmm::CopyFromGuest(*client, Path("copy"), Path("back"), {});
  ASSERT_TRUE(back.has_value()) << back.error().ToString();
  EXPECT_LT(back->bytes, 1u << 20);
  EXPECT_EQ(*sys::ReadFile(Path("back")), *sys::ReadFile(file));
}

TEST_F(ControlEnds, ACopyThatBreaksOffLeavesNothing) {
  StartRole(kOpen);
  const auto client = Connect();
  const auto begun = vmm::CallControl<protocol::CopyHandle>(
      *client, "CopyBegin", protocol::CopyBeginRequest{Path("target")});
  ASSERT_TRUE(begun.has_value());
  ASSERT_TRUE(vmm::CallControl(*client, "CopyWrite",
                               protocol::Encode(protocol::CopyWriteRequest{
                                   .id = begun->id, .path = "", .offset = 0, .data = "half"}))
                  .has_value());
  EXPECT_FALSE(sys::Exists(Path("target")));
  client->Shutdown();
  const auto left = [&] {
    const auto names = sys::ListDirectory(folder_->path());
    return std::ranges::any_of(*names, [](const std::string& n) { return n.starts_with(".inro"); });
  };
  EXPECT_TRUE(Wait([&] { return !left(); }));
}

TEST_F(ControlEnds, ErrorsOfACopyAreClear) {
  StartRole(kOpen);
  const auto client = Connect();
  EXPECT_THAT(vmm::CopyFromGuest(*client, "/no/such/file", Path("x"), {}).error().ToString(),
              HasSubstr("No such file"));
  ASSERT_TRUE(sys::WriteFile(Path("file"), "x"));
  EXPECT_THAT(vmm::CopyToGuest(*client, Path("file"), Path("absent/x"), {}).error().ToString(),
              HasSubstr("absent"));
  EXPECT_THAT(vmm::CopyToGuest(*client, Path("file"), Path("absent/"), {}).error().ToString(),
              HasSubstr("no folder"));
}

}  // namespace
}  // namespace inro
