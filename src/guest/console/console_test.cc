#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/unique_fd.h"
#include "guest/console/console_role.h"
#include "sys/file.h"

namespace inro::guest::console {
namespace {

// The role as a process, with one end of a connection as its standard input.
class ConsoleTest : public testing::Test {
 protected:
  void SetUp() override {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    host_ = UniqueFd(ends[0]);
    const UniqueFd guest(ends[1]);
    pid_ = ::fork();
    ASSERT_GE(pid_, 0);
    if (pid_ == 0) {
      ::dup2(guest.get(), 0);
      ::close(host_.get());
      ::close(guest.get());
      char name[] = "console";
      char* arguments[] = {name, nullptr};
      ::_exit(RunConsole(1, arguments));
    }
  }
  void TearDown() override {
    host_.reset();
    if (pid_ <= 0) return;
    EXPECT_TRUE(Ends());
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  void Type(std::string_view text) { ASSERT_TRUE(sys::WriteAll(host_.get(), text, "the console")); }

  // What is shown, up to and with `text`; everything until the end when it does not come.
  std::string Until(std::string_view text, int timeout_ms = 60'000) {
    std::string shown;
    while (shown.find(text) == std::string::npos) {
      pollfd waiting{host_.get(), POLLIN, 0};
      if (::poll(&waiting, 1, timeout_ms) <= 0) break;
      char bytes[4096];
      const ssize_t got = ::read(host_.get(), bytes, sizeof bytes);
      if (got <= 0) break;
      shown.append(bytes, static_cast<std::size_t>(got));
    }
    return shown;
  }

  bool Ends() {
    for (int i = 0; i < 6'000; ++i) {
      siginfo_t info{};
      ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
      if (info.si_pid == pid_) return true;
      ::usleep(10'000);
    }
    return false;
  }

  UniqueFd host_;
  pid_t pid_ = -1;
};

TEST_F(ConsoleTest, RunsACommandOnATerminal) {
  Type("test -t 0 && echo is-a-$((6 * 7))-terminal\n");
  const std::string shown = Until("is-a-42-terminal");
  EXPECT_NE(shown.find("is-a-42-terminal"), std::string::npos) << shown;
}

TEST_F(ConsoleTest, TheShellsEndIsTheConnectionsEnd) {
  Type("echo last-$((1 + 1)); exit\n");
  const std::string shown = Until("\x01 never");
  EXPECT_NE(shown.find("last-2"), std::string::npos) << shown;
  EXPECT_TRUE(Ends());
}

TEST_F(ConsoleTest, WhoSaysNoMoreStillGetsTheAnswer) {
  Type("sleep 0.2; echo late-$((40 + 2))\n");
  ASSERT_EQ(::shutdown(host_.get(), SHUT_WR), 0);
  const std::string shown = Until("\x01 never");
  EXPECT_NE(shown.find("late-42"), std::string::npos) << shown;
}

TEST_F(ConsoleTest, AGonePeerTakesItsProgramsAlong) {
  Type("sleep 1000 & echo pid=$!=; sleep 1000\n");
  // Not the echo of what is typed, in which no number follows.
  std::string shown;
  pid_t program = 0;
  while (program <= 0) {
    const std::string more = Until("=\r\n");
    ASSERT_NE(more, "") << shown;
    shown += more;
    for (std::size_t at = 0; (at = shown.find("pid=", at)) != std::string::npos; at += 4) {
      program = std::max(program, std::atoi(shown.c_str() + at + 4));
    }
  }
  const auto runs = [&] {
    const std::string stat =
        sys::ReadFile("/proc/" + std::to_string(program) + "/stat").value_or("");
    return !stat.empty() && stat.find(") Z ") == std::string::npos;
  };
  EXPECT_TRUE(runs());
  host_.reset();
  EXPECT_TRUE(Ends());
  for (int i = 0; i < 6'000 && runs(); ++i) ::usleep(10'000);
  EXPECT_FALSE(runs());
}

// Jobs of a shell that dies without a word to them.
TEST_F(ConsoleTest, AKilledShellsJobsEndToo) {
  Type("sleep 1000 & echo pid=$!=; kill -KILL $$\n");
  const std::string shown = Until("\x01 never");
  const std::size_t at = shown.rfind("pid=");
  ASSERT_NE(at, std::string::npos) << shown;
  const pid_t program = std::atoi(shown.c_str() + at + 4);
  ASSERT_GT(program, 0) << shown;
  EXPECT_TRUE(Ends());
  EXPECT_NE(::kill(program, 0), 0) << program;
}

TEST_F(ConsoleTest, CtrlCEndsTheForegroundProgram) {
  Type("echo up-$((1 + 1)); sleep 1000\n");
  EXPECT_NE(Until("up-2").find("up-2"), std::string::npos);
  // A key that comes before the program does ends nothing.
  std::string shown;
  for (int i = 0; i < 60 && shown.find("back-42") == std::string::npos; ++i) {
    Type("\x03");
    Type("echo back-$((2 * 21))\n");
    shown += Until("back-42", 1000);
  }
  EXPECT_NE(shown.find("back-42"), std::string::npos) << shown;
}

TEST_F(ConsoleTest, ALotOfOutputComesWhole) {
  Type(
      "i=0; while [ $i -lt 20000 ]; do echo line $i of many; i=$((i + 1)); done; echo d$((0))ne\n");
  const std::string shown = Until("d0ne");
  EXPECT_NE(shown.find("line 19999 of many"), std::string::npos);
}

}  // namespace
}  // namespace inro::guest::console
