// The seam to the kernel's network configuration, in the kernel's own terms.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace inro::guest::agent {

class NetlinkRequest;

// An address of either family, in network order: 4 or 16 bytes; empty: none.
struct IpBytes {
  std::string bytes;
  bool operator==(const IpBytes&) const = default;
  bool v6() const { return bytes.size() == 16; }
};

struct Link {
  int index = 0;
  std::string name;
  std::string hardware;  // the bytes of the address
  std::uint32_t mtu = 0;
  std::uint32_t flags = 0;  // IFF_*
  std::string kind;         // "veth", "dummy"; empty for hardware
};

struct LinkAddress {
  int index = 0;
  IpBytes address;
  int prefix = 0;
};

struct RouteEntry {
  bool v6 = false;
  IpBytes destination;  // empty: the default route
  int prefix = 0;
  IpBytes gateway;
  IpBytes source;
  int index = 0;
  std::uint8_t scope = 0;
  std::uint8_t protocol = 0;  // RTPROT_*
  std::uint32_t flags = 0;    // RTNH_F_*
  std::uint32_t mtu = 0;
};

struct NeighbourEntry {
  int index = 0;
  IpBytes address;
  std::string hardware;
  std::uint16_t state = 0;  // NUD_*
  std::uint8_t flags = 0;   // NTF_*
};

// What to change of a link; what is absent stays.
struct LinkChange {
  std::optional<std::string> name;
  std::optional<std::string> hardware;
  std::optional<std::uint32_t> mtu;
  std::optional<bool> up;
  std::optional<bool> no_arp;
};

class NetworkStack {
 public:
  virtual ~NetworkStack() = default;
  virtual Result<std::vector<Link>> Links() = 0;
  virtual Result<std::vector<LinkAddress>> Addresses() = 0;
  virtual Result<std::vector<RouteEntry>> Routes() = 0;  // unicast, of the main table
  virtual Result<> ChangeLink(int index, const LinkChange& change) = 0;
  virtual Result<> AddAddress(const LinkAddress& address) = 0;  // one that exists: no error
  virtual Result<> RemoveAddress(const LinkAddress& address) = 0;
  virtual Result<> AddRoute(const RouteEntry& route) = 0;  // replaces; one that exists: no error
  virtual Result<> RemoveRoute(const RouteEntry& route) = 0;
  virtual Result<> AddNeighbour(const NeighbourEntry& neighbour) = 0;  // replaces
};

// The kernel, over one rtnetlink socket. Not thread-safe.
class RtNetworkStack final : public NetworkStack {
 public:
  Result<std::vector<Link>> Links() override;
  Result<std::vector<LinkAddress>> Addresses() override;
  Result<std::vector<RouteEntry>> Routes() override;
  Result<> ChangeLink(int index, const LinkChange& change) override;
  Result<> AddAddress(const LinkAddress& address) override;
  Result<> RemoveAddress(const LinkAddress& address) override;
  Result<> AddRoute(const RouteEntry& route) override;
  Result<> RemoveRoute(const RouteEntry& route) override;
  Result<> AddNeighbour(const NeighbourEntry& neighbour) override;

 private:
  // Sends, and collects the messages of the answer until its end or its acknowledgement. The error
  // carries the kernel's errno.
  Result<std::vector<std::string>> Exchange(NetlinkRequest& request);
  Result<> Open();

  UniqueFd socket_;
  std::uint32_t sequence_ = 0;
};

}  // namespace inro::guest::agent
