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
constexpr int kLostMs = 300;       // after which a datagram is held for dropped
constexpr int kArrivalMs = 5'000;  // in which one that is to arrive does so
constexpr std::uint16_t kDroppedPort = 4242;
constexpr std::uint16_t kNamedPort = 4243;       // of the datagram that DNAT rewrites
constexpr std::uint16_t kTranslatedPort = 4244;  // where it is to arrive
constexpr const char* kTranslatedSource = "127.0.0.9";

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

sockaddr_in Loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

std::string Text(const sockaddr_in& address) {
  char host[INET_ADDRSTRLEN] = "";
  ::inet_ntop(AF_INET, &address.sin_addr, host, sizeof host);
  return fmt::format("{}:{}", host, ntohs(address.sin_port));
}

enum class End { kBound, kConnected };

// A datagram socket that is bound, or connected, to a port of the loopback.
Result<UniqueFd> Datagrams(End end, std::uint16_t port) {
  UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return FailErrno("open a socket");
  const sockaddr_in address = Loopback(port);
  const auto* raw = reinterpret_cast<const sockaddr*>(&address);
  const int done = end == End::kBound ? ::bind(fd.get(), raw, sizeof address)
                                      : ::connect(fd.get(), raw, sizeof address);
  if (done != 0) return FailErrno("take port {}", port);
  return fd;
}

Result<sockaddr_in> NameOf(const UniqueFd& fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return FailErrno("ask a socket for its address");
  }
  return address;
}

Result<> Send(const UniqueFd& sender) {
  // An earlier datagram that nobody took may be reported here; this one is sent then, too.
  while (::send(sender.get(), "x", 1, 0) != 1) {
    if (errno != ECONNREFUSED && errno != EINTR) return FailErrno("send a datagram");
  }
  return {};
}

// Whether a datagram came, and from where.
bool Arrived(const UniqueFd& receiver, int limit_ms, sockaddr_in* from = nullptr) {
  pollfd wait{receiver.get(), POLLIN, 0};
  if (::poll(&wait, 1, limit_ms) <= 0) return false;
  char byte;
  sockaddr_in address{};
  socklen_t size = sizeof address;
  if (::recvfrom(receiver.get(), &byte, 1, MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&address),
                 &size) != 1) {
    return false;
  }
  if (from != nullptr) *from = address;
  return true;
}

Result<> TryDropping(FirewallSeen& seen) {
  INRO_ASSIGN(const UniqueFd receiver, Datagrams(End::kBound, kDroppedPort));
  INRO_ASSIGN(const UniqueFd sender, Datagrams(End::kConnected, kDroppedPort));
  INRO_TRY(Send(sender));
  if (!Arrived(receiver, kArrivalMs)) {
    return Fail("a datagram to the loopback did not arrive even without a rule");
  }
  INRO_TRY(sys::RunOrFail({"iptables", "-A", "INPUT", "-p", "udp", "--dport",
                           std::to_string(kDroppedPort), "-j", "DROP"}));
  for (; seen.sent < kProbes; ++seen.sent) {
    INRO_TRY(Send(sender));
    seen.arrived += Arrived(receiver, kLostMs) ? 1 : 0;
  }
  INRO_ASSIGN(const std::string listing, sys::RunOrFail({"iptables", "-nvxL", "INPUT"}));
  seen.counted = DropCounter(listing);
  return {};
}

// A datagram to one port, which nobody has, arrives at another, and comes from another address than
// it was sent from. Its sender is connected to the first port: it hears the answer only when both
// are translated back.
Result<> TryTranslating(FirewallSeen& seen) {
  const std::string port = std::to_string(kTranslatedPort);
  INRO_TRY(sys::RunOrFail({"iptables", "-t", "nat", "-A", "OUTPUT", "-p", "udp", "--dport",
                           std::to_string(kNamedPort), "-j", "DNAT", "--to-destination",
                           "127.0.0.1:" + port}));
  INRO_TRY(sys::RunOrFail({"iptables", "-t", "nat", "-A", "POSTROUTING", "-p", "udp", "--dport",
                           port, "-j", "SNAT", "--to-source", kTranslatedSource}));
  INRO_ASSIGN(const UniqueFd receiver, Datagrams(End::kBound, kTranslatedPort));
  INRO_ASSIGN(const UniqueFd sender, Datagrams(End::kConnected, kNamedPort));
  INRO_TRY(Send(sender));
  INRO_ASSIGN(const sockaddr_in own, NameOf(sender));
  seen.sent_to = Text(Loopback(kNamedPort));
  seen.sent_from = Text(own);
  sockaddr_in from{};
  if (!Arrived(receiver, kArrivalMs, &from)) return {};
  INRO_ASSIGN(const sockaddr_in at, NameOf(receiver));
  seen.received_at = Text(at);
  seen.seen_from = Text(from);
  if (::sendto(receiver.get(), "y", 1, 0, reinterpret_cast<const sockaddr*>(&from), sizeof from) !=
      1) {
    return FailErrno("answer a datagram");
  }
  seen.answered = Arrived(sender, kArrivalMs);
  return {};
}

Result<std::string> ProbeInNamespace() {
  if (::unshare(CLONE_NEWNET) != 0) return FailErrno("make a network name space");
  INRO_TRY(LoopbackUp());
  FirewallSeen seen;
  INRO_ASSIGN(seen.version, sys::RunOrFail({"iptables", "-V"}));
  while (seen.version.ends_with('\n')) seen.version.pop_back();
  INRO_TRY(TryDropping(seen));
  INRO_TRY(TryTranslating(seen));
  return FirewallEvidence(seen);
}

}  // namespace

Result<std::string> FirewallEvidence(const FirewallSeen& seen) {
  if (seen.arrived > 0) {
    return Fail("{} of {} datagrams arrived in spite of the DROP rule", seen.arrived, seen.sent);
  }
  if (seen.counted != seen.sent) {
    return Fail("{} datagrams were dropped, but the rule counted {}", seen.sent, seen.counted);
  }
  if (seen.received_at.empty()) {
    return Fail("a datagram to {} did not arrive where the DNAT rule says", seen.sent_to);
  }
  if (seen.seen_from.starts_with(seen.sent_from.substr(0, seen.sent_from.find(':') + 1))) {
    return Fail("a datagram came from {}, in spite of the SNAT rule", seen.seen_from);
  }
  if (!seen.answered) {
    return Fail("the answer to a datagram that NAT rewrote did not come back");
  }
  return fmt::format(
      "{}: a DROP rule dropped {} datagrams and counted {}; DNAT brought one for {} to {}, SNAT "
      "made its source {} of {}, and its answer came back",
      seen.version, seen.sent, seen.counted, seen.sent_to, seen.received_at, seen.seen_from,
      seen.sent_from);
}

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
