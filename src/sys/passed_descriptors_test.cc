#include "sys/passed_descriptors.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace inro::sys {
namespace {

// What a process with these variables counts, and whether it then forgets them. `pid` empty: its
// own.
int Counted(const char* fds, const std::string& pid) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(0, kFirstPassedDescriptor);
    ::setenv("LISTEN_FDS", fds, 1);
    ::setenv("LISTEN_PID", pid.empty() ? std::to_string(::getpid()).c_str() : pid.c_str(), 1);
    const int count = PassedDescriptors();
    if (std::getenv("LISTEN_FDS") != nullptr || std::getenv("LISTEN_PID") != nullptr) ::_exit(99);
    if (count > 0 && (::fcntl(kFirstPassedDescriptor, F_GETFD) & FD_CLOEXEC) == 0) ::_exit(98);
    ::_exit(count);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WEXITSTATUS(status);
}

TEST(PassedDescriptors, OnlyThoseForThisProcess) {
  EXPECT_EQ(Counted("1", ""), 1);
  EXPECT_EQ(Counted("2", ""), 2);
  EXPECT_EQ(Counted("1", "1"), 0);
  EXPECT_EQ(Counted("x", ""), 0);
  EXPECT_EQ(Counted("-3", ""), 0);
  EXPECT_EQ(Counted("99999", ""), 0);
  EXPECT_EQ(PassedDescriptors(), 0);
}

}  // namespace
}  // namespace inro::sys
