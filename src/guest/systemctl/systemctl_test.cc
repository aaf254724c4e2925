// systemctl against a real PID 1 in a pid namespace of its own: this very code under --supervise.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstring>
#include <optional>
#include <string>
#include <thread>

#include "guest/init/init_role.h"
#include "guest/systemctl/context.h"
#include "guest/systemctl/fake_collector.h"
#include "guest/systemctl/systemctl_role.h"
#include "sys/file.h"

namespace inro::guest::systemctl {
namespace {

using std::chrono::steady_clock;
using testing::HasSubstr;
using testing::Not;

struct Outcome {
  int code = -1;
  std::string out;
  std::string err;
};

class SystemctlTest : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = sys::TempDir::Create("systemctl");
    ASSERT_TRUE(folder);
    folder_.emplace(std::move(*folder));
    ASSERT_TRUE(sys::MakeDirectories(Path("units")));
    ASSERT_TRUE(sys::MakeDirectories(Path("state")));
    ::setenv("INRO_RUN_DIR", Path("state").c_str(), 1);
    ::setenv("SYSTEMD_UNIT_PATH", Path("units").c_str(), 1);
  }
  void TearDown() override {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }
  std::string Path(const std::string& name) const { return folder_->path() + "/" + name; }
  void Unit(const std::string& name, const std::string& text, const std::string& unit = "") {
    ASSERT_TRUE(sys::WriteFile(Path("units/" + name),
                               "[Unit]\nDefaultDependencies=no\n" + unit + "\n" + text + "\n"));
  }

  // False when this machine allows no pid namespace.
  bool Start() {
    Unit("default.target", "");
    const UniqueFd own(::open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC));
    if (::unshare(CLONE_NEWPID) != 0) return false;
    pid_ = ::fork();
    if (pid_ == 0) {
      const int fd = ::open(Path("log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      ::dup2(fd, 2);
      std::string words[] = {"init",        "--supervise", "--units",
                             Path("units"), "--state",     Path("state")};
      char* argv[7] = {};
      for (int i = 0; i < 6; ++i) argv[i] = words[i].data();
      ::_exit(RunInit(6, argv));
    }
    // What the test itself starts later is no child of that init.
    if (::setns(own.get(), CLONE_NEWPID) != 0) return false;
    return pid_ > 0 && Wait([&] { return Run({"is-active", "default.target"}).code == 0; });
  }

  Outcome Run(std::vector<std::string> words) const {
    words.insert(words.begin(), "systemctl");
    const std::string out = Path("out");
    const std::string err = Path("err");
    const pid_t child = ::fork();
    if (child == 0) {
      ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 1);
      ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
      std::vector<char*> argv;
      for (std::string& word : words) argv.push_back(word.data());
      ::_exit(RunSystemctl(static_cast<int>(argv.size()), argv.data()));
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, sys::ReadFile(out).value_or(""),
            sys::ReadFile(err).value_or("")};
  }
  std::string Show(const std::string& unit, const std::string& property) const {
    std::string text = Run({"show", "--value", "-p", property, unit}).out;
    while (text.ends_with('\n')) text.pop_back();
    return text;
  }
  template <class F>
  bool Wait(F condition) const {
    const auto end = steady_clock::now() + std::chrono::seconds(250);
    while (!condition()) {
      if (steady_clock::now() > end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return true;
  }
  UniqueFd Connect(const std::string& path) const {
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, path.data(), path.size());
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) return {};
    return fd;
  }
  // What PID 1 has allocated. Not VmRSS, which the kernel counts in batches for each processor.
  long AllocatedKib() const {
    const std::string text =
        sys::ReadFile("/proc/" + std::to_string(pid_) + "/smaps_rollup").value_or("");
    const std::size_t at = text.find("\nAnonymous:");
    return at == std::string::npos ? -1 : std::strtol(text.c_str() + at + 11, nullptr, 10);
  }

  std::optional<sys::TempDir> folder_;
  pid_t pid_ = -1;
};

TEST(SystemctlRows, AreReadByTheNamesOfTheirColumns) {
  const auto rows = ParseRows("unit\tpid\tnew\tactive\na.service\t7\tx\tactive\nshort\n");
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows.at("a.service").pid, 7U);
  EXPECT_EQ(rows.at("a.service").active, "active");
}

TEST(SystemctlNames, WithoutASuffixAreServices) {
  EXPECT_EQ(CompleteName("a"), "a.service");
  EXPECT_EQ(CompleteName("a.socket"), "a.socket");
  EXPECT_EQ(CompleteName("/var/lib"), "var-lib.mount");
  EXPECT_EQ(CompleteName("a*"), "a*") << "a pattern is for any kind";
}

TEST_F(SystemctlTest, StartsShowsAndStopsAService) {
  Unit("a.service", "[Service]\nExecStart=/bin/sleep 1000", "Description=The first");
  Unit("bad.service", "[Service]\nType=oneshot\nExecStart=/bin/false");
  if (!Start()) GTEST_SKIP() << "no pid namespace on this machine";
  EXPECT_EQ(Run({"is-active", "a"}).code, 3);
  EXPECT_EQ(Run({"is-active", "a"}).out, "inactive\n");
  const Outcome started = Run({"start", "a"});
  EXPECT_EQ(started.code, 0) << started.err;
  EXPECT_EQ(Run({"is-active", "a"}).out, "active\n");
  EXPECT_GT(std::atoi(Show("a", "MainPID").c_str()), 1);
  EXPECT_EQ(Show("a.service", "Description"), "The first");
  EXPECT_EQ(Show("a.service", "FragmentPath"), Path("units/a.service"));
  EXPECT_EQ(Run({"status", "a"}).code, 0);
  EXPECT_THAT(Run({"status", "a"}).out, HasSubstr("Active: active (running) since"));
  EXPECT_THAT(Run({"list-units", "--no-legend", "--plain", "--type=service"}).out,
              HasSubstr("a.service loaded active running The first"));
  EXPECT_EQ(Run({"stop", "a"}).code, 0);
  EXPECT_EQ(Run({"status", "a"}).code, 3);

  EXPECT_EQ(Run({"start", "bad"}).code, 1);
  EXPECT_EQ(Run({"is-failed", "bad"}).code, 0);
  EXPECT_EQ(Run({"is-failed", "a"}).code, 1);
  EXPECT_EQ(Run({"is-system-running"}).out, "degraded\n");
  EXPECT_EQ(Show("bad", "ExecMainStatus"), "1");
  EXPECT_EQ(Run({"reset-failed"}).code, 0);
  EXPECT_EQ(Run({"is-failed", "bad"}).code, 1);

  const Outcome none = Run({"start", "nothing"});
  EXPECT_EQ(none.code, 5);
  EXPECT_THAT(none.err, HasSubstr("Failed to start nothing.service: Unit nothing.service not "
                                  "found."));
  EXPECT_EQ(Run({"status", "nothing"}).code, 4);
  EXPECT_EQ(Run({"no-such-verb"}).code, 1);
  EXPECT_EQ(Run({"reload", "a"}).code, 1);
}

TEST_F(SystemctlTest, StatusShowsTheLastLinesOfTheLog) {
  Unit("a.service", "[Service]\nExecStart=/bin/sleep 1000");
  if (!Start()) GTEST_SKIP() << "no pid namespace on this machine";
  EXPECT_THAT(Run({"status", "a"}).out, HasSubstr("Its log cannot be shown: "));
  std::string log;
  for (int i = 1; i <= 12; ++i) {
    log += fmt::format(
        R"({{"msg":"line {}.","ts":"2026-11-24T10:00:00.5Z","pid":"7","name":"a","unit":"{}",)"
        R"("monotonic_us":18000000000000000000}})"
        "\n",
        i, i == 12 ? "b.service" : "a.service");
  }
  const FakeCollector collector(Path("state/logs.sock"), log + "\n");
  const std::string out = Run({"status", "--no-pager", "a"}).out;
  EXPECT_THAT(out, HasSubstr("a[7]: line 11.\n"));
  EXPECT_THAT(out, HasSubstr("line 2."));
  EXPECT_THAT(out, Not(HasSubstr("line 1.")));
  EXPECT_THAT(out, Not(HasSubstr("line 12.")));
  const std::string two = Run({"status", "-n", "2", "a"}).out;
  EXPECT_THAT(two, HasSubstr("line 10."));
  EXPECT_THAT(two, Not(HasSubstr("line 9.")));
  EXPECT_THAT(Run({"status", "a", "--lines=0"}).out, Not(HasSubstr("line ")));
  EXPECT_THAT(Run({"status", "a", "-nmany"}).err, HasSubstr("Failed to parse lines 'many'"));
}

TEST_F(SystemctlTest, ReloadMaskKillAndPatterns) {
  Unit("a.service",
       "[Service]\nExecStart=/bin/sleep 1000\nRestart=always\nRestartSec=0\n"
       "[Install]\nWantedBy=default.target");
  if (!Start()) GTEST_SKIP() << "no pid namespace on this machine";
  EXPECT_EQ(Run({"start", "a"}).code, 0);
  // A unit that comes later is seen after daemon-reload; the other runs on.
  const std::string pid = Show("a", "MainPID");
  Unit("later.service", "[Service]\nExecStart=/bin/sleep 1000");
  EXPECT_EQ(Run({"daemon-reload"}).code, 0);
  EXPECT_EQ(Run({"start", "later"}).code, 0);
  EXPECT_EQ(Show("a", "MainPID"), pid);
  EXPECT_EQ(Run({"kill", "-s", "KILL", "a"}).code, 0);
  EXPECT_TRUE(Wait([&] { return Show("a", "NRestarts") == "1"; }));
  const std::string all = Run({"show", "-p", "Id", "*"}).out;
  EXPECT_THAT(all, testing::HasSubstr("Id=a.service\n"));
  EXPECT_THAT(all, testing::HasSubstr("Id=default.target\n"));
  EXPECT_EQ(Run({"stop", "*.service"}).code, 0);
  EXPECT_EQ(Run({"is-active", "a", "later"}).out, "inactive\ninactive\n");
  EXPECT_EQ(Run({"mask", "later"}).code, 1);  // its file is in the way
}

TEST_F(SystemctlTest, EnableMakesTheLinks) {
  Unit("a.service", "[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=default.target");
  // No PID 1: as in a tree that is being made.
  EXPECT_EQ(Run({"is-enabled", "a"}).out, "disabled\n");
  const Outcome enabled = Run({"enable", "a"});
  EXPECT_EQ(enabled.code, 0) << enabled.err;
  EXPECT_TRUE(sys::Exists(Path("units/default.target.wants/a.service")));
  EXPECT_THAT(enabled.err, HasSubstr("Created symlink"));
  EXPECT_EQ(Run({"disable", "a"}).code, 0);
  EXPECT_FALSE(sys::Exists(Path("units/default.target.wants/a.service")));
}

TEST_F(SystemctlTest, WithoutPid1ItSaysSo) {
  const Outcome outcome = Run({"start", "a"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("System has not been booted"));
}

TEST_F(SystemctlTest, SocketsHandTheirDescriptorsOver) {
  Unit("a.socket", "[Socket]\nListenStream=" + Path("a.sock") + "\nFileDescriptorName=x");
  Unit("a.service",
       "[Service]\nExecStart=/bin/sh -c 'echo \"$$LISTEN_FDS $$LISTEN_FDNAMES $$(test "
       "$$LISTEN_PID = $$$$ && echo own)\" >" +
           Path("seen") + "; exec sleep 1000'");
  if (!Start()) GTEST_SKIP() << "no pid namespace on this machine";
  EXPECT_EQ(Run({"start", "a.socket"}).code, 0);
  EXPECT_EQ(Show("a.socket", "SubState"), "listening");
  EXPECT_EQ(Run({"is-active", "a"}).code, 3);
  const UniqueFd client = Connect(Path("a.sock"));
  ASSERT_TRUE(client);
  EXPECT_TRUE(Wait([&] { return sys::ReadFile(Path("seen")).value_or("").ends_with('\n'); }));
  EXPECT_EQ(sys::ReadFile(Path("seen")).value_or(""), "1 x own\n");
  EXPECT_TRUE(Wait([&] { return Show("a.socket", "SubState") == "running"; }));
  EXPECT_THAT(Run({"list-sockets", "--no-legend"}).out, HasSubstr("a.sock a.socket a.service"));
  EXPECT_THAT(Run({"stop", "a"}).err, HasSubstr("can still be activated by"));
}

// Each is a process; a connection must leave nothing in PID 1.
TEST_F(SystemctlTest, TenThousandConnectionsLeaveNothing) {
  Unit("a.socket", "[Socket]\nListenStream=" + Path("a.sock") +
                       "\nAccept=yes\nTriggerLimitIntervalSec=0\nMaxConnections=10000");
  Unit("a@.service", "[Service]\nExecStart=/bin/echo hello\nStandardInput=socket");
  if (!Start()) GTEST_SKIP() << "no pid namespace on this machine";
  ASSERT_EQ(Run({"start", "a.socket"}).code, 0);
  long before = 0;
  int answered = 0;
  for (int i = 0; i < 10'000; ++i) {
    const UniqueFd client = Connect(Path("a.sock"));
    ASSERT_TRUE(client) << i;
    char bytes[16];
    answered += ::recv(client.get(), bytes, sizeof bytes, 0) == 6 ? 1 : 0;
    if (i == 500) before = AllocatedKib();
  }
  EXPECT_EQ(answered, 10'000);
  EXPECT_GT(before, 0);
  EXPECT_LE(AllocatedKib(), before + 128);
  EXPECT_TRUE(Wait([&] { return Show("a.socket", "NAccepted") == "10000"; }));
  EXPECT_TRUE(Wait(
      [&] { return Run({"list-units", "--all", "--plain", "--no-legend", "a@*"}).out.empty(); }));
}

TEST_F(SystemctlTest, ATimerStartsItsService) {
  Unit("a.timer", "[Timer]\nOnActiveSec=100ms\nAccuracySec=1ms");
  Unit("a.service", "[Service]\nType=oneshot\nExecStart=/bin/touch " + Path("done"));
  if (!Start()) GTEST_SKIP() << "no pid namespace on this machine";
  EXPECT_EQ(Run({"start", "a.timer"}).code, 0);
  EXPECT_TRUE(Wait([&] { return sys::Exists(Path("done")); }));
  EXPECT_TRUE(Wait([&] { return Show("a.timer", "SubState") == "elapsed"; }));
  EXPECT_THAT(Run({"list-timers"}).out, HasSubstr("a.timer"));
}

TEST_F(SystemctlTest, PoweroffEndsIt) {
  if (!Start()) GTEST_SKIP() << "no pid namespace on this machine";
  EXPECT_EQ(Run({"--force", "poweroff"}).code, 0);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT) << status;
}

}  // namespace
}  // namespace inro::guest::systemctl
