#include "guest/init/socket_listener.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/scope_guard.h"
#include "guest/init/socket_address.h"

namespace inro::guest {
namespace {

using unit::ListenKind;
using unit::SocketSettings;

bool HasIpv6() {
  const UniqueFd probe(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return static_cast<bool>(probe);
}

void MakeParents(const std::string& path, mode_t mode) {
  for (std::size_t at = path.find('/', 1); at != path.npos; at = path.find('/', at + 1)) {
    ::mkdir(path.substr(0, at).c_str(), mode);
  }
}

bool SetInt(int fd, int level, int option, int value) {
  return ::setsockopt(fd, level, option, &value, sizeof value) == 0;
}

// One option, as a row: what it is called in the log, and whether it is asked for.
struct Option {
  std::string_view name;
  bool wanted;
  int level;
  int option;
  int value;
};

int Clamp(std::uint64_t size) {
  return static_cast<int>(std::min<std::uint64_t>(size, 0x7fffffff));
}

// Those that hold for listening sockets and for their connections alike.
void SetOptions(const SocketSettings& settings, int fd, int family, KernelLog* log) {
  const bool ipv4 = family == AF_INET;
  const bool ipv6 = family == AF_INET6;
  const bool internet = ipv4 || ipv6;
  const bool local = family == AF_UNIX || family == AF_NETLINK;
  const Option rows[] = {
      {"KeepAlive", settings.keep_alive && internet, SOL_SOCKET, SO_KEEPALIVE, 1},
      {"Broadcast", settings.broadcast && internet, SOL_SOCKET, SO_BROADCAST, 1},
      {"PassCredentials", settings.pass_credentials && local, SOL_SOCKET, SO_PASSCRED, 1},
      {"PassSecurity", settings.pass_security && local, SOL_SOCKET, SO_PASSSEC, 1},
      {"NoDelay", settings.no_delay && internet, IPPROTO_TCP, TCP_NODELAY, 1},
      {"Priority", settings.priority.has_value(), SOL_SOCKET, SO_PRIORITY,
       settings.priority.value_or(0)},
      {"Mark", settings.mark.has_value(), SOL_SOCKET, SO_MARK, settings.mark.value_or(0)},
      {"IPTOS", settings.ip_tos.has_value() && ipv4, IPPROTO_IP, IP_TOS,
       settings.ip_tos.value_or(0)},
      {"IPTTL", settings.ip_ttl.has_value() && ipv4, IPPROTO_IP, IP_TTL,
       settings.ip_ttl.value_or(0)},
      {"IPTTL", settings.ip_ttl.has_value() && ipv6, IPPROTO_IPV6, IPV6_UNICAST_HOPS,
       settings.ip_ttl.value_or(0)},
  };
  for (const Option& row : rows) {
    if (!row.wanted || SetInt(fd, row.level, row.option, row.value) || log == nullptr) continue;
    log->Warning("{}= cannot be set: {}", row.name, std::strerror(errno));
  }
  // Above the limit of the system too.
  const auto buffer = [&](const std::optional<std::uint64_t>& size, int force, int plain) {
    if (size && !SetInt(fd, SOL_SOCKET, force, Clamp(*size))) {
      SetInt(fd, SOL_SOCKET, plain, Clamp(*size));
    }
  };
  buffer(settings.receive_buffer, SO_RCVBUFFORCE, SO_RCVBUF);
  buffer(settings.send_buffer, SO_SNDBUFFORCE, SO_SNDBUF);
}

// Those that must be there before bind(2).
Result<> SetBindOptions(const SocketSettings& settings, int fd, const SocketAddress& address) {
  const int family = address.family();
  const bool internet = family == AF_INET || family == AF_INET6;
  if (!internet) return {};
  if (family == AF_INET6 && settings.ipv6_only != unit::BindIpv6Only::kDefault) {
    const int only = settings.ipv6_only == unit::BindIpv6Only::kIpv6Only ? 1 : 0;
    if (!SetInt(fd, IPPROTO_IPV6, IPV6_V6ONLY, only)) return FailErrno("BindIPv6Only=");
  }
  SetInt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (settings.reuse_port && !SetInt(fd, SOL_SOCKET, SO_REUSEPORT, 1)) {
    return FailErrno("ReusePort=");
  }
  const int level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
  if (settings.free_bind &&
      !SetInt(fd, level, family == AF_INET ? IP_FREEBIND : IPV6_FREEBIND, 1)) {
    return FailErrno("FreeBind=");
  }
  if (settings.transparent &&
      !SetInt(fd, level, family == AF_INET ? IP_TRANSPARENT : IPV6_TRANSPARENT, 1)) {
    return FailErrno("Transparent=");
  }
  const std::string& device = settings.bind_to_device;
  if (!device.empty() && ::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device.c_str(),
                                      static_cast<socklen_t>(device.size() + 1)) != 0) {
    return FailErrno("BindToDevice={}", device);
  }
  return {};
}

struct Owner {
  uid_t uid = 0;
  gid_t gid = 0;
  bool set = false;
};

Result<Owner> FindOwner(const SocketSettings& settings, const Accounts& accounts) {
  Owner owner;
  owner.set = !settings.user.empty() || !settings.group.empty();
  if (!settings.user.empty()) {
    INRO_ASSIGN(const Account account, accounts.FindUser(settings.user));
    owner.uid = account.uid;
    owner.gid = account.gid;
  }
  if (!settings.group.empty()) {
    INRO_ASSIGN(owner.gid, accounts.FindGroup(settings.group));
  }
  return owner;
}

// With the mode that is asked for from the first moment on.
int BindWithMode(int fd, const SocketAddress& address, mode_t mode) {
  const mode_t before = ::umask(~mode & 0777);
  const int done = ::bind(fd, address.get(), address.size);
  const int error = errno;
  ::umask(before);
  errno = error;
  return done;
}

Result<> GiveToOwner(const std::string& path, const Owner& owner) {
  if (owner.set && ::chown(path.c_str(), owner.uid, owner.gid) != 0) {
    return FailErrno("change the owner of {}", path);
  }
  return {};
}

Result<ListeningPort> OpenSocket(const SocketSettings& settings, const unit::ListenSetting& setting,
                                 const Owner& owner, bool ipv6, KernelLog& log) {
  INRO_ASSIGN(const SocketAddress address, ParseSocketAddress(setting, ipv6));
  ListeningPort port;
  port.kind = setting.kind;
  port.fd.reset(
      ::socket(address.family(), address.type | SOCK_CLOEXEC | SOCK_NONBLOCK, address.protocol));
  if (!port.fd) return FailErrno("make a socket");
  INRO_TRY(SetBindOptions(settings, port.fd.get(), address));
  SetOptions(settings, port.fd.get(), address.family(), &log);
  const bool in_files = address.family() == AF_UNIX && setting.address.front() == '/';
  if (in_files) MakeParents(setting.address, settings.directory_mode);
  if (BindWithMode(port.fd.get(), address, settings.mode) != 0) {
    if (errno != EADDRINUSE || !in_files) return FailErrno("bind");
    // What an earlier one has left behind; nothing that is no socket is removed.
    struct stat status{};
    if (::lstat(setting.address.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) {
      errno = EADDRINUSE;
      return FailErrno("bind");
    }
    ::unlink(setting.address.c_str());
    if (BindWithMode(port.fd.get(), address, settings.mode) != 0) return FailErrno("bind");
  }
  if (in_files) {
    port.path = setting.address;
    INRO_TRY(GiveToOwner(port.path, owner));
    ::chmod(port.path.c_str(), settings.mode);
  }
  const bool connects = address.type == SOCK_STREAM || address.type == SOCK_SEQPACKET;
  if (connects && ::listen(port.fd.get(), Clamp(settings.backlog)) != 0) return FailErrno("listen");
  return port;
}

Result<ListeningPort> OpenFifo(const SocketSettings& settings, const std::string& path,
                               const Owner& owner) {
  MakeParents(path, settings.directory_mode);
  const mode_t before = ::umask(~settings.mode & 0777);
  const int made = ::mkfifo(path.c_str(), settings.mode & 0777);
  const int error = errno;
  ::umask(before);
  if (made != 0 && error != EEXIST) return std::unexpected(Error::FromErrno("make a FIFO", error));
  ListeningPort port;
  port.kind = ListenKind::kFifo;
  port.fd.reset(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW));
  if (!port.fd) return FailErrno("open");
  struct stat status{};
  if (::fstat(port.fd.get(), &status) != 0 || !S_ISFIFO(status.st_mode)) {
    return Fail("something that is no FIFO is there");
  }
  port.path = path;
  INRO_TRY(GiveToOwner(path, owner));
  ::fchmod(port.fd.get(), settings.mode);
  if (settings.pipe_size) ::fcntl(port.fd.get(), F_SETPIPE_SZ, Clamp(*settings.pipe_size));
  return port;
}

Result<ListeningPort> OpenSpecial(const SocketSettings& settings, const std::string& path) {
  ListeningPort port;
  port.kind = ListenKind::kSpecial;
  const int access = settings.writable ? O_RDWR : O_RDONLY;
  port.fd.reset(::open(path.c_str(), access | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW));
  if (!port.fd) return FailErrno("open");
  struct stat status{};
  if (::fstat(port.fd.get(), &status) != 0 ||
      !(S_ISREG(status.st_mode) || S_ISCHR(status.st_mode))) {
    return Fail("neither a file nor a character device is there");
  }
  // A plain file is always readable: there is nothing to wait for.
  const UniqueFd probe(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{};
  event.events = EPOLLIN;
  if (probe && ::epoll_ctl(probe.get(), EPOLL_CTL_ADD, port.fd.get(), &event) != 0) {
    return FailErrno("wait for it");
  }
  return port;
}

void MakeLinks(const SocketSettings& settings, const std::vector<ListeningPort>& ports,
               KernelLog& log) {
  const auto with_path =
      std::ranges::find_if(ports, [](const ListeningPort& port) { return !port.path.empty(); });
  if (with_path == ports.end()) return;
  for (const std::string& link : settings.symlinks) {
    MakeParents(link, settings.directory_mode);
    struct stat status{};
    if (::lstat(link.c_str(), &status) == 0 && S_ISLNK(status.st_mode)) ::unlink(link.c_str());
    if (::symlink(with_path->path.c_str(), link.c_str()) != 0) {
      log.Warning("link {}: {}", link, std::strerror(errno));
    }
  }
}

}  // namespace

Result<std::vector<ListeningPort>> OpenPorts(const SocketSettings& settings,
                                             const Accounts& accounts, KernelLog& log) {
  const auto found = FindOwner(settings, accounts);
  if (!found) return FailAs(ErrorKind::kBadInput, "{}", found.error().ToString());
  const Owner& owner = *found;
  const bool ipv6 = HasIpv6();
  std::vector<ListeningPort> ports;
  for (const unit::ListenSetting& setting : settings.listen) {
    auto port = setting.kind == ListenKind::kFifo ? OpenFifo(settings, setting.address, owner)
                : setting.kind == ListenKind::kSpecial
                    ? OpenSpecial(settings, setting.address)
                    : OpenSocket(settings, setting, owner, ipv6, log);
    if (!port) {
      for (const ListeningPort& made : ports) {
        if (!made.path.empty()) ::unlink(made.path.c_str());
      }
      return std::unexpected(port.error().Wrap(fmt::format("listen at {}", setting.address)));
    }
    ports.push_back(std::move(*port));
  }
  MakeLinks(settings, ports, log);
  return ports;
}

void ClosePorts(const SocketSettings& settings, std::vector<ListeningPort>& ports) {
  if (settings.remove_on_stop) {
    for (const ListeningPort& port : ports) {
      if (!port.path.empty()) ::unlink(port.path.c_str());
    }
    for (const std::string& link : settings.symlinks) {
      struct stat status{};
      if (::lstat(link.c_str(), &status) == 0 && S_ISLNK(status.st_mode)) ::unlink(link.c_str());
    }
  }
  ports.clear();
}

void SetConnectionOptions(const SocketSettings& settings, int fd) {
  int family = 0;
  socklen_t size = sizeof family;
  if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) != 0) return;
  SetOptions(settings, fd, family, nullptr);
}

void FlushPort(const ListeningPort& port) {
  constexpr int kMost = 1024;
  const int fd = port.fd.get();
  // A service may have made it blocking: the two share it.
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  std::array<char, 4096> bytes;
  for (int i = 0; i < kMost; ++i) {
    switch (port.kind) {
      case ListenKind::kStream:
      case ListenKind::kSequentialPacket: {
        const UniqueFd connection(::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC));
        if (!connection) return;
        break;
      }
      case ListenKind::kDatagram:
      case ListenKind::kNetlink:
        if (::recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT) < 0) return;
        break;
      case ListenKind::kFifo:
        if (::read(fd, bytes.data(), bytes.size()) <= 0) return;
        break;
      case ListenKind::kSpecial:
        return;
    }
  }
}

}  // namespace inro::guest
