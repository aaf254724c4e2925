#include "guest/control/log_probe.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cstring>

#include "base/unique_fd.h"

namespace inro::guest::control {
namespace {

Result<> SendDatagram(std::string_view path, std::string_view bytes) {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, path.data(), path.size());
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return FailErrno("make a socket");
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    return FailErrno("connect to {}", path);
  }
  if (::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) {
    return FailErrno("send to {}", path);
  }
  return {};
}

}  // namespace

Result<std::string> ProbeLogs() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const std::string token = fmt::format("probe-{}-{}", now.tv_sec, now.tv_nsec);
  INRO_TRY(
      SendDatagram("/dev/log", fmt::format("<14>inro-probe[{}]: syslog {}", ::getpid(), token)));
  INRO_TRY(SendDatagram(
      "/run/systemd/journal/socket",
      fmt::format("MESSAGE=native {}\nPRIORITY=6\nSYSLOG_IDENTIFIER=inro-probe\n", token)));
  return fmt::format("{} {}", token, ::getpid());
}

}  // namespace inro::guest::control
