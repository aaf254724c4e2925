#include "wire/address.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
// After sys/socket.h, which it needs.
#include <linux/vm_sockets.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>

#include "wire/hybrid.h"

namespace inro::wire {
namespace {

union SocketAddress {
  sockaddr any;
  sockaddr_un un;
  sockaddr_vm vm;
};

bool ParseNumber(std::string_view text, std::uint32_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

Result<socklen_t> Fill(const Address& address, SocketAddress& out) {
  std::memset(&out, 0, sizeof out);
  if (address.kind == Address::Kind::kVsock) {
    out.vm.svm_family = AF_VSOCK;
    out.vm.svm_cid = address.cid;
    out.vm.svm_port = address.port;
    return sizeof out.vm;
  }
  const bool abstract = address.kind == Address::Kind::kAbstract;
  out.un.sun_family = AF_UNIX;
  if (address.path.size() + 1 > sizeof out.un.sun_path) {
    return FailAs(ErrorKind::kBadInput, "socket path is over {} bytes: {}",
                  sizeof out.un.sun_path - 1, address.path);
  }
  std::memcpy(out.un.sun_path + (abstract ? 1 : 0), address.path.data(), address.path.size());
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.path.size() + 1);
}

int Family(const Address& address) {
  return address.kind == Address::Kind::kVsock ? AF_VSOCK : AF_UNIX;
}

}  // namespace

std::string Address::ToString() const {
  switch (kind) {
    case Kind::kVsock:
      return fmt::format("vsock://{}:{}", static_cast<std::int32_t>(cid), port);
    case Kind::kUnix:
      return "unix://" + path;
    case Kind::kAbstract:
      return "unix://@" + path;
    case Kind::kHybrid:
      return fmt::format("hvsock://{}:{}", path, port);
  }
  return {};
}

Result<Address> ParseAddress(std::string_view text) {
  Address address;
  std::string_view rest = text;
  const auto bad = [&](std::string_view why) {
    return FailAs(ErrorKind::kBadInput, "bad address \"{}\": {}", text, why);
  };
  const auto take_scheme = [&](std::string_view scheme) {
    if (!rest.starts_with(scheme)) return false;
    rest.remove_prefix(scheme.size());
    return true;
  };
  if (take_scheme("unix://")) {
    const bool abstract = rest.starts_with('@');
    if (abstract) rest.remove_prefix(1);
    if (rest.empty()) return bad("the path is empty");
    address.kind = abstract ? Address::Kind::kAbstract : Address::Kind::kUnix;
    address.path = rest;
    return address;
  }
  const bool vsock = take_scheme("vsock://");
  if (!vsock && !take_scheme("hvsock://")) {
    return bad("it should start with vsock://, unix:// or hvsock://");
  }
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos || !ParseNumber(rest.substr(colon + 1), address.port)) {
    return bad("it should end with :PORT");
  }
  rest = rest.substr(0, colon);
  if (!vsock) {
    if (rest.empty()) return bad("the path is empty");
    address.kind = Address::Kind::kHybrid;
    address.path = rest;
    return address;
  }
  address.kind = Address::Kind::kVsock;
  if (rest == "-1" || rest.empty()) {
    address.cid = kAnyCid;
  } else if (!ParseNumber(rest, address.cid)) {
    return bad("the CID should be a number");
  }
  return address;
}

Result<UniqueFd> Listen(const Address& address, int backlog) {
  if (address.kind == Address::Kind::kHybrid) {
    return FailAs(ErrorKind::kBadInput, "cannot listen on {}", address.ToString());
  }
  SocketAddress raw;
  INRO_ASSIGN(const socklen_t size, Fill(address, raw));
  UniqueFd fd(::socket(Family(address), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return FailErrno("socket for {}", address.ToString());
  if (address.kind == Address::Kind::kUnix) ::unlink(address.path.c_str());
  if (::bind(fd.get(), &raw.any, size) != 0) return FailErrno("bind {}", address.ToString());
  if (::listen(fd.get(), backlog) != 0) return FailErrno("listen on {}", address.ToString());
  return fd;
}

Result<UniqueFd> Connect(const Address& address, std::chrono::milliseconds timeout) {
  if (address.kind == Address::Kind::kHybrid) {
    return ConnectHybrid(address.path, address.port, timeout);
  }
  SocketAddress raw;
  INRO_ASSIGN(const socklen_t size, Fill(address, raw));
  UniqueFd fd(::socket(Family(address), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return FailErrno("socket for {}", address.ToString());
  if (::connect(fd.get(), &raw.any, size) != 0) {
    if (errno == EAGAIN) {
      return FailAs(ErrorKind::kTimeout, "connect {}: its queue is full", address.ToString());
    }
    if (errno != EINPROGRESS) return FailErrno("connect {}", address.ToString());
    pollfd waiting{.fd = fd.get(), .events = POLLOUT, .revents = 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(timeout.count()));
    if (ready < 0) return FailErrno("wait for {}", address.ToString());
    if (ready == 0) return FailAs(ErrorKind::kTimeout, "connect {}: timeout", address.ToString());
    int error = 0;
    socklen_t length = sizeof error;
    ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &length);
    errno = error;
    if (error != 0) return FailErrno("connect {}", address.ToString());
  }
  const int flags = ::fcntl(fd.get(), F_GETFL);
  ::fcntl(fd.get(), F_SETFL, flags & ~O_NONBLOCK);
  return fd;
}

Result<UniqueFd> Accept(int listener, Peer& peer) {
  SocketAddress raw;
  std::memset(&raw, 0, sizeof raw);
  socklen_t size = sizeof raw;
  UniqueFd fd(::accept4(listener, &raw.any, &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd) {
    if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR) return fd;
    return FailErrno("accept");
  }
  peer.vsock = raw.any.sa_family == AF_VSOCK;
  peer.cid = peer.vsock ? raw.vm.svm_cid : 0;
  return fd;
}

}  // namespace inro::wire
