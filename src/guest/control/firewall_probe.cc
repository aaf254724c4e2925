#include "guest/control/firewall_probe.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/unique_fd.h"
#include "sys/file.h"
#include "sys/subprocess.h"

namespace inro::guest::control {
namespace {

constexpr int kProbes = 3;
constexpr int kWaitMs = 300;
constexpr const char* kPort = "4242";

Result<> LoopbackUp() {
  const UniqueFd control(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!control) return FailErrno("open a socket");
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  if (::ioctl(control.get(), SIOCGIFFLAGS, &request) != 0) return FailErrno("read the flags of lo");
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  if (::ioctl(control.get(), SIOCSIFFLAGS, &request) != 0) return FailErrno("set lo up");
  return {};
}

sockaddr_in Loopback() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(4242);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// Sends one datagram to the receiver; true when it arrived in time.
Result<bool> Arrives(int sender, int receiver) {
  const sockaddr_in address = Loopback();
  if (::sendto(sender, "x", 1, 0, reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
      1) {
    return FailErrno("send a datagram");
  }
  pollfd wait{receiver, POLLIN, 0};
  if (::poll(&wait, 1, kWaitMs) <= 0) return false;
  char byte;
  return ::recv(receiver, &byte, 1, MSG_DONTWAIT) == 1;
}

Result<std::string> ProbeInNamespace() {
  if (::unshare(CLONE_NEWNET) != 0) return FailErrno("make a network name space");
  INRO_TRY(LoopbackUp());
  const UniqueFd receiver(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const UniqueFd sender(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = Loopback();
  if (!receiver || !sender ||
      ::bind(receiver.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return FailErrno("open sockets");
  }
  INRO_ASSIGN(const bool before, Arrives(sender.get(), receiver.get()));
  if (!before) return Fail("a datagram to the loopback did not arrive even without a rule");
  INRO_TRY(
      sys::RunOrFail({"iptables", "-A", "INPUT", "-p", "udp", "--dport", kPort, "-j", "DROP"}));
  for (int i = 0; i < kProbes; ++i) {
    INRO_ASSIGN(const bool arrived, Arrives(sender.get(), receiver.get()));
    if (arrived) return Fail("a datagram arrived in spite of the DROP rule");
  }
  INRO_ASSIGN(const std::string listing, sys::RunOrFail({"iptables", "-nvxL", "INPUT"}));
  const long counted = DropCounter(listing);
  if (counted != kProbes) {
    return Fail("{} datagrams were dropped, but the rule counted {}", kProbes, counted);
  }
  INRO_ASSIGN(std::string version, sys::RunOrFail({"iptables", "-V"}));
  while (version.ends_with('\n')) version.pop_back();
  return fmt::format("{}: a DROP rule dropped {} datagrams and counted {}", version, kProbes,
                     counted);
}

}  // namespace

long DropCounter(std::string_view listing) {
  while (!listing.empty()) {
    const std::size_t end = std::min(listing.find('\n'), listing.size());
    std::string_view line = listing.substr(0, end);
    listing.remove_prefix(std::min(end + 1, listing.size()));
    if (line.find("DROP") == std::string_view::npos || line.starts_with("Chain")) continue;
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    long packets = 0;
    const auto [stop, error] = std::from_chars(line.data(), line.data() + line.size(), packets);
    if (error == std::errc() && stop != line.data()) return packets;
  }
  return -1;
}

Result<std::string> ProbeFirewall() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return FailErrno("make a pipe");
  UniqueFd read_end(fds[0]);
  UniqueFd write_end(fds[1]);
  const pid_t child = ::fork();
  if (child < 0) return FailErrno("fork");
  if (child == 0) {
    auto result = ProbeInNamespace();
    const std::string text = result ? "+" + *result : "-" + result.error().ToString();
    (void)sys::WriteAll(write_end.get(), text, "the pipe");
    ::_exit(0);
  }
  write_end.reset();
  std::string text;
  char buffer[4096];
  while (true) {
    const ssize_t got = ::read(read_end.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(buffer, static_cast<std::size_t>(got));
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (text.starts_with('+')) return text.substr(1);
  return Fail("{}", text.empty() ? "the probe process died" : text.substr(1));
}

}  // namespace inro::guest::control
