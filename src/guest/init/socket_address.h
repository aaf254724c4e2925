// Addresses of socket units as the kernel takes them, and what is said of the two ends of a
// connection (systemd.socket(5)).
#pragma once

#include <sys/socket.h>

#include <string>

#include "base/result.h"
#include "unit/socket_settings.h"

namespace inro::guest {

// The socket to make and the address to bind it to.
struct SocketAddress {
  int type = SOCK_STREAM;  // SOCK_*, or SOCK_RAW of netlink
  int protocol = 0;        // of netlink: the family
  sockaddr_storage storage{};
  socklen_t size = 0;

  int family() const { return storage.ss_family; }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// Of all kinds but FIFOs and special files. A bare port is one of all addresses: of IPv6 where
// `ipv6` says that the kernel has it, else of IPv4.
Result<SocketAddress> ParseSocketAddress(const unit::ListenSetting& setting, bool ipv6);

// Who is connected.
struct ConnectionNames {
  std::string instance;  // what follows the counter: "LOCAL-REMOTE", or "PID-UID" of Unix sockets
  std::string source;    // the same for all connections of one source; empty: not known
  std::string remote_addr;  // $REMOTE_ADDR; empty for Unix sockets
  std::string remote_port;
  bool from_host = true;  // false: of vsock, and the peer is not the host (CID 2)
};

Result<ConnectionNames> NamesOfConnection(int fd);
// The same from the two addresses; of internet and vsock ones.
ConnectionNames NamesOfAddresses(const sockaddr_storage& local, const sockaddr_storage& remote);

}  // namespace inro::guest
