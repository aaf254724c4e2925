#include "guest/init/socket_address.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "unit/text.h"

namespace inro::guest {
namespace {

struct NetlinkFamily {
  std::string_view name;
  int number;
};
constexpr NetlinkFamily kNetlinkFamilies[] = {
    {"audit", NETLINK_AUDIT},
    {"connector", NETLINK_CONNECTOR},
    {"crypto", NETLINK_CRYPTO},
    {"dnrtmsg", NETLINK_DNRTMSG},
    {"ecryptfs", NETLINK_ECRYPTFS},
    {"fib-lookup", NETLINK_FIB_LOOKUP},
    {"firewall", NETLINK_FIREWALL},
    {"generic", NETLINK_GENERIC},
    {"inet-diag", NETLINK_INET_DIAG},
    {"ip6-fw", NETLINK_IP6_FW},
    {"iscsi", NETLINK_ISCSI},
    {"kobject-uevent", NETLINK_KOBJECT_UEVENT},
    {"netfilter", NETLINK_NETFILTER},
    {"nflog", NETLINK_NFLOG},
    {"rdma", NETLINK_RDMA},
    {"route", NETLINK_ROUTE},
    {"scsitransport", NETLINK_SCSITRANSPORT},
    {"selinux", NETLINK_SELINUX},
    {"xfrm", NETLINK_XFRM},
};

template <class T>
void Store(const T& from, SocketAddress& address, socklen_t size = sizeof(T)) {
  std::memcpy(&address.storage, &from, sizeof from);
  address.size = size;
}

Result<SocketAddress> Netlink(const std::string& text) {
  const auto words = unit::SplitWords(text);
  if (words.empty()) return Fail("the name of a netlink family is expected");
  const auto* family = std::ranges::find(kNetlinkFamilies, words[0], &NetlinkFamily::name);
  std::optional<int> number;
  if (family != std::end(kNetlinkFamilies)) number = family->number;
  if (!number) number = unit::ParseNumber<int>(words[0]);
  if (!number) return Fail("{}: no such netlink family", words[0]);
  SocketAddress address;
  address.type = SOCK_RAW;
  address.protocol = *number;
  sockaddr_nl netlink{};
  netlink.nl_family = AF_NETLINK;
  if (words.size() > 1) {
    const auto groups = unit::ParseNumber<std::uint32_t>(words[1]);
    if (!groups) return Fail("{}: a number of a group is expected", words[1]);
    netlink.nl_groups = *groups;
  }
  Store(netlink, address);
  return address;
}

Result<SocketAddress> Unix(const std::string& text) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (text.size() >= sizeof name.sun_path) return Fail("{}: the path is too long", text);
  std::memcpy(name.sun_path, text.data(), text.size());
  const bool abstract = text.front() == '@';
  if (abstract) name.sun_path[0] = '\0';
  SocketAddress address;
  // Of an abstract name every byte counts; a path ends with a zero.
  Store(name, address,
        static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + text.size() + (abstract ? 0 : 1)));
  return address;
}

Result<SocketAddress> Vsock(const std::string& text) {
  const std::size_t first = text.find(':');
  const std::size_t second = text.find(':', first + 1);
  if (first == text.npos || second == text.npos) return Fail("{}: expected vsock:CID:PORT", text);
  const std::string_view cid = std::string_view(text).substr(first + 1, second - first - 1);
  sockaddr_vm vm{};
  vm.svm_family = AF_VSOCK;
  vm.svm_cid = VMADDR_CID_ANY;
  if (!cid.empty()) {
    const auto number = unit::ParseNumber<std::uint32_t>(cid);
    if (!number) return Fail("{}: expected vsock:CID:PORT", text);
    vm.svm_cid = *number;
  }
  const auto port = unit::ParseNumber<std::uint32_t>(std::string_view(text).substr(second + 1));
  if (!port) return Fail("{}: expected vsock:CID:PORT", text);
  vm.svm_port = *port;
  SocketAddress address;
  Store(vm, address);
  return address;
}

void StoreInternet(std::uint16_t port, bool ipv6, SocketAddress& address) {
  if (ipv6) {
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    any.sin6_port = htons(port);
    Store(any, address);
  } else {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_port = htons(port);
    Store(any, address);
  }
}

Result<SocketAddress> Internet(const std::string& text, bool ipv6) {
  SocketAddress address;
  if (const auto port = unit::ParseNumber<std::uint16_t>(text)) {
    StoreInternet(*port, ipv6, address);
    return address;
  }
  const std::size_t colon = text.rfind(':');
  const auto port = unit::ParseNumber<std::uint16_t>(
      std::string_view(text).substr(colon == text.npos ? 0 : colon + 1));
  if (colon == text.npos || !port) return Fail("{}: no address to listen at", text);
  std::string host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    sockaddr_in6 name{};
    name.sin6_family = AF_INET6;
    name.sin6_port = htons(*port);
    if (const std::size_t percent = host.find('%'); percent != host.npos) {
      const std::string scope = host.substr(percent + 1);
      name.sin6_scope_id =
          unit::ParseNumber<std::uint32_t>(scope).value_or(::if_nametoindex(scope.c_str()));
      host.resize(percent);
    }
    if (::inet_pton(AF_INET6, host.c_str(), &name.sin6_addr) != 1) {
      return Fail("{}: not an IPv6 address", text);
    }
    Store(name, address);
    return address;
  }
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(*port);
  if (::inet_pton(AF_INET, host.c_str(), &name.sin_addr) != 1) {
    return Fail("{}: not an IPv4 address", text);
  }
  Store(name, address);
  return address;
}

struct End {
  std::string host;
  unsigned port = 0;
};

// An IPv4 address in IPv6's clothes is shown as what it is.
End EndOf(const sockaddr_storage& storage) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  switch (storage.ss_family) {
    case AF_INET: {
      sockaddr_in name{};
      std::memcpy(&name, &storage, sizeof name);
      ::inet_ntop(AF_INET, &name.sin_addr, text.data(), text.size());
      return {text.data(), ntohs(name.sin_port)};
    }
    case AF_INET6: {
      sockaddr_in6 name{};
      std::memcpy(&name, &storage, sizeof name);
      const unsigned char* bytes = name.sin6_addr.s6_addr;
      constexpr unsigned char kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
      if (std::memcmp(bytes, kMapped, sizeof kMapped) == 0) {
        ::inet_ntop(AF_INET, bytes + 12, text.data(), text.size());
      } else {
        ::inet_ntop(AF_INET6, bytes, text.data(), text.size());
      }
      return {text.data(), ntohs(name.sin6_port)};
    }
    case AF_VSOCK: {
      sockaddr_vm name{};
      std::memcpy(&name, &storage, sizeof name);
      return {std::to_string(name.svm_cid), name.svm_port};
    }
    default:
      return {};
  }
}

}  // namespace

Result<SocketAddress> ParseSocketAddress(const unit::ListenSetting& setting, bool ipv6) {
  using unit::ListenKind;
  const std::string& text = setting.address;
  if (text.empty()) return Fail("an address is expected");
  if (setting.kind == ListenKind::kNetlink) return Netlink(text);
  Result<SocketAddress> address = text.front() == '/' || text.front() == '@' ? Unix(text)
                                  : text.starts_with("vsock")                ? Vsock(text)
                                                                             : Internet(text, ipv6);
  if (!address) return address;
  address->type = setting.kind == ListenKind::kDatagram           ? SOCK_DGRAM
                  : setting.kind == ListenKind::kSequentialPacket ? SOCK_SEQPACKET
                                                                  : SOCK_STREAM;
  if (text.starts_with("vsock-dgram:")) address->type = SOCK_DGRAM;
  if (text.starts_with("vsock-seqpacket:")) address->type = SOCK_SEQPACKET;
  return address;
}

ConnectionNames NamesOfAddresses(const sockaddr_storage& local, const sockaddr_storage& remote) {
  const End here = EndOf(local);
  const End there = EndOf(remote);
  ConnectionNames names;
  names.instance = fmt::format("{}:{}-{}:{}", here.host, here.port, there.host, there.port);
  names.source = there.host;
  const bool vsock = remote.ss_family == AF_VSOCK;
  names.remote_addr = vsock ? "vsock:" + there.host : there.host;
  names.remote_port = std::to_string(there.port);
  names.from_host = !vsock || there.host == std::to_string(VMADDR_CID_HOST);
  return names;
}

Result<ConnectionNames> NamesOfConnection(int fd) {
  sockaddr_storage local{};
  sockaddr_storage remote{};
  socklen_t size = sizeof local;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&local), &size) != 0) {
    return FailErrno("name a connection");
  }
  if (local.ss_family == AF_UNIX) {
    ConnectionNames names;
    ucred peer{};
    socklen_t length = sizeof peer;
    const bool known = ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0;
    if (!known || peer.pid <= 0) {  // of another pid namespace
      names.instance = "unknown";
    } else {
      names.instance = fmt::format("{}-{}", peer.pid, peer.uid);
    }
    if (known) names.source = std::to_string(peer.uid);
    return names;
  }
  size = sizeof remote;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&remote), &size) != 0) {
    return FailErrno("name the peer of a connection");
  }
  return NamesOfAddresses(local, remote);
}

}  // namespace inro::guest
