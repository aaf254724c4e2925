#include "sys/controlling_terminal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include "base/unique_fd.h"

namespace inro::sys {
namespace {

struct Terminal {
  UniqueFd master;
  std::string path;
};

Terminal Open() {
  Terminal terminal;
  terminal.master.reset(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  char path[64] = "";
  if (terminal.master && ::grantpt(terminal.master.get()) == 0 &&
      ::unlockpt(terminal.master.get()) == 0 &&
      ::ptsname_r(terminal.master.get(), path, sizeof path) == 0) {
    terminal.path = path;
  }
  return terminal;
}

// A process that leads a session of its own, has the terminal as descriptors 0, 1 and 2, and claims
// it. It tells what it got, and then lives until it is killed.
class Session {
 public:
  Session(const Terminal& terminal, TerminalClaim claim) {
    int ends[2] = {};
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    told_.reset(ends[0]);
    const UniqueFd tell(ends[1]);
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::setsid();
    const int fd = ::open(terminal.path.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);
    for (int i = 0; i < 3; ++i) ::dup2(fd, i);
    if (fd > 2) ::close(fd);
    const int error = ClaimTerminal(claim, terminal.path.c_str());
    const bool has = error == 0 && ::open("/dev/tty", O_RDWR | O_CLOEXEC) >= 0;
    const char answer = static_cast<char>(error != 0 ? error : has ? 0 : ENXIO);
    static_cast<void>(::write(tell.get(), &answer, 1) > 0);
    while (true) ::pause();
  }
  ~Session() { End(); }

  void End() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  // 0 when it has the terminal, else an errno; -1 when it does not say so in time.
  int Answer(int milliseconds = 60'000) {
    pollfd ready{told_.get(), POLLIN, 0};
    char answer = -1;
    if (::poll(&ready, 1, milliseconds) != 1 || ::read(told_.get(), &answer, 1) != 1) return -1;
    return answer;
  }

 private:
  pid_t pid_ = -1;
  UniqueFd told_;
};

TEST(ControllingTerminal, OneThatIsFreeIsHadByAnyClaim) {
  for (const auto claim : {TerminalClaim::kTake, TerminalClaim::kFail, TerminalClaim::kWait}) {
    const Terminal terminal = Open();
    if (terminal.path.empty()) GTEST_SKIP() << "no pseudo-terminals on this machine";
    Session session(terminal, claim);
    EXPECT_EQ(session.Answer(), 0) << int(claim);
  }
}

TEST(ControllingTerminal, OneOfAnotherSession) {
  const Terminal terminal = Open();
  if (terminal.path.empty()) GTEST_SKIP() << "no pseudo-terminals on this machine";
  Session holder(terminal, TerminalClaim::kFail);
  ASSERT_EQ(holder.Answer(), 0);
  Session fails(terminal, TerminalClaim::kFail);
  EXPECT_EQ(fails.Answer(), EPERM);
  Session waits(terminal, TerminalClaim::kWait);
  EXPECT_EQ(waits.Answer(200), -1);
  fails.End();  // that it closes the terminal frees nothing
  EXPECT_EQ(waits.Answer(200), -1);
  holder.End();
  EXPECT_EQ(waits.Answer(), 0);
}

TEST(ControllingTerminal, APathThatIsNoTerminalIsAnError) {
  const Terminal terminal = Open();
  if (terminal.path.empty()) GTEST_SKIP() << "no pseudo-terminals on this machine";
  EXPECT_EQ(Session({UniqueFd(), "/dev/null"}, TerminalClaim::kWait).Answer(), ENOTTY);
}

}  // namespace
}  // namespace inro::sys
