#include "sys/controlling_terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "base/unique_fd.h"

namespace inro::sys {
namespace {

int Reopen(const char* path) {
  // Without waiting for a carrier.
  const UniqueFd fresh(::open(path, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
  struct stat terminal{};
  if (!fresh || ::fcntl(fresh.get(), F_SETFL, O_RDWR) != 0 || ::fstat(0, &terminal) != 0) {
    return errno;
  }
  for (int i = 2; i >= 0; --i) {
    struct stat info{};
    if (::fstat(i, &info) != 0 || info.st_rdev != terminal.st_rdev || info.st_rdev == 0) continue;
    if (::dup2(fresh.get(), i) < 0) return errno;
  }
  return 0;
}

int Wait(const char* path) {
  // Whoever leaves a terminal closes it.
  const UniqueFd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!watch || ::inotify_add_watch(watch.get(), path, IN_CLOSE) < 0) return errno;
  bool reopened = false;
  while (true) {
    // What was closed until now, by ourselves too, is known by the attempt that follows.
    alignas(inotify_event) char events[4096];
    while (::read(watch.get(), events, sizeof events) > 0) {
    }
    if (::ioctl(0, TIOCSCTTY, 0) == 0) return 0;
    const bool hung_up = errno == EIO && !reopened;
    if (errno != EPERM && !hung_up) return errno;
    if (!hung_up) {
      pollfd closed{watch.get(), POLLIN, 0};
      if (::poll(&closed, 1, -1) < 0 && errno != EINTR) return errno;
    }
    if (const int error = Reopen(path); error != 0) return error;
    reopened = true;
  }
}

}  // namespace

int ClaimTerminal(TerminalClaim claim, const char* path) {
  switch (claim) {
    case TerminalClaim::kTake:
      static_cast<void>(::ioctl(0, TIOCSCTTY, 1));
      return 0;
    case TerminalClaim::kFail:
      return ::ioctl(0, TIOCSCTTY, 0) == 0 ? 0 : errno;
    case TerminalClaim::kWait:
      return Wait(path);
  }
  return EINVAL;
}

}  // namespace inro::sys
