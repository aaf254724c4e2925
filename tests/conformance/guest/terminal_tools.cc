// A terminal for cases: a pseudo terminal, and what is printed on it.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "conformance_guest.h"

namespace inro::conformance {

int KeepTerminal(char** words) {
  if (words[0] == nullptr || words[1] == nullptr) return 2;
  const int fd = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (fd < 0 || ::grantpt(fd) != 0 || ::unlockpt(fd) != 0) return 1;
  char name[64];
  if (::ptsname_r(fd, name, sizeof name) != 0) return 1;
  // Held open: what a service prints stays readable after its end.
  const int held = ::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (held < 0) return 1;
  const int out = ::open(words[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (out < 0) return 1;
  static_cast<void>(::unlink(words[0]));
  if (::symlink(name, words[0]) != 0) return 1;
  char bytes[512];
  for (ssize_t got; (got = ::read(fd, bytes, sizeof bytes)) > 0;) {
    if (::write(out, bytes, static_cast<std::size_t>(got)) != got) return 1;
  }
  return 0;
}

}  // namespace inro::conformance
