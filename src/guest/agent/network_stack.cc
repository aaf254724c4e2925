#include "guest/agent/network_stack.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "guest/agent/netlink_message.h"

namespace inro::guest::agent {
namespace {

constexpr std::uint16_t kAcknowledged = NLM_F_ACK;

std::uint8_t Family(bool v6) { return v6 ? AF_INET6 : AF_INET; }

ifinfomsg AnyLink() { return {}; }

// An error that only says that the work is done already.
Result<> Unless(int harmless, Result<std::vector<std::string>> answer) {
  if (answer || answer.error().sys_errno() == harmless) return {};
  return std::unexpected(answer.error());
}

std::string_view LinkKind(std::string_view info) {
  NetlinkAttributes attributes(info);
  for (NetlinkAttributes::Attribute attribute; attributes.Next(attribute);) {
    if (attribute.type == IFLA_INFO_KIND) return attribute.Text();
  }
  return {};
}

std::uint32_t RouteMtu(std::string_view metrics) {
  NetlinkAttributes attributes(metrics);
  for (NetlinkAttributes::Attribute attribute; attributes.Next(attribute);) {
    if (attribute.type == RTAX_MTU) return attribute.Number();
  }
  return 0;
}

NetlinkRequest AddressRequest(std::uint16_t type, std::uint16_t flags, const LinkAddress& address) {
  ifaddrmsg fixed{};
  fixed.ifa_family = Family(address.address.v6());
  fixed.ifa_prefixlen = static_cast<std::uint8_t>(address.prefix);
  fixed.ifa_index = static_cast<std::uint32_t>(address.index);
  NetlinkRequest request(type, flags, fixed);
  request.Attribute(IFA_LOCAL, address.address.bytes);
  request.Attribute(IFA_ADDRESS, address.address.bytes);
  if (address.address.v6() && type == RTM_NEWADDR) {
    // The runtime has given the address; the guest's only peer is the host: no probing.
    request.Attribute(IFA_FLAGS, std::uint32_t{IFA_F_NODAD});
  }
  return request;
}

NetlinkRequest RouteRequest(std::uint16_t type, std::uint16_t flags, const RouteEntry& route) {
  rtmsg fixed{};
  fixed.rtm_family = Family(route.v6);
  fixed.rtm_dst_len = static_cast<std::uint8_t>(route.prefix);
  fixed.rtm_table = RT_TABLE_MAIN;
  fixed.rtm_protocol = type == RTM_NEWROUTE ? std::uint8_t{RTPROT_BOOT} : route.protocol;
  fixed.rtm_scope = route.scope;
  fixed.rtm_type = RTN_UNICAST;
  fixed.rtm_flags = route.flags;
  NetlinkRequest request(type, flags, fixed);
  if (!route.destination.bytes.empty()) request.Attribute(RTA_DST, route.destination.bytes);
  if (!route.gateway.bytes.empty()) request.Attribute(RTA_GATEWAY, route.gateway.bytes);
  if (!route.source.bytes.empty()) request.Attribute(RTA_PREFSRC, route.source.bytes);
  if (route.index != 0) request.Attribute(RTA_OIF, static_cast<std::uint32_t>(route.index));
  if (route.mtu != 0) {
    const std::size_t nest = request.BeginNest(RTA_METRICS);
    request.Attribute(RTAX_MTU, route.mtu);
    request.EndNest(nest);
  }
  return request;
}

}  // namespace

Result<> RtNetworkStack::Open() {
  if (socket_) return {};
  socket_.reset(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!socket_) return FailErrno("open a netlink socket");
  return {};
}

Result<std::vector<std::string>> RtNetworkStack::Exchange(NetlinkRequest& request) {
  INRO_TRY(Open());
  const std::uint32_t sequence = ++sequence_;
  const std::string& bytes = request.Finish(sequence);
  if (::send(socket_.get(), bytes.data(), bytes.size(), 0) < 0) return FailErrno("netlink: send");
  std::vector<std::string> answer;
  std::string buffer(32768, '\0');
  while (true) {
    const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FailErrno("netlink: receive");
    NetlinkMessages messages({buffer.data(), static_cast<std::size_t>(got)});
    for (NetlinkMessages::Message message; messages.Next(message);) {
      if (message.header.nlmsg_seq != sequence) continue;  // of a request that failed half-way
      if (message.header.nlmsg_type == NLMSG_DONE) return answer;
      if (message.header.nlmsg_type == NLMSG_ERROR) {
        nlmsgerr error{};
        if (!TakeFixed(message.body, error)) return Fail("netlink: malformed answer");
        if (error.error == 0) return answer;
        errno = -error.error;
        return FailErrno("netlink");
      }
      answer.emplace_back(message.body);
    }
  }
}

Result<std::vector<Link>> RtNetworkStack::Links() {
  NetlinkRequest request(RTM_GETLINK, NLM_F_DUMP, AnyLink());
  INRO_ASSIGN(const std::vector<std::string> answer, Exchange(request));
  std::vector<Link> links;
  for (std::string_view body : answer) {
    ifinfomsg fixed{};
    if (!TakeFixed(body, fixed)) continue;
    Link& link = links.emplace_back();
    link.index = fixed.ifi_index;
    link.flags = fixed.ifi_flags;
    NetlinkAttributes attributes(body);
    for (NetlinkAttributes::Attribute attribute; attributes.Next(attribute);) {
      if (attribute.type == IFLA_IFNAME) link.name = attribute.Text();
      if (attribute.type == IFLA_ADDRESS) link.hardware = attribute.bytes;
      if (attribute.type == IFLA_MTU) link.mtu = attribute.Number();
      if (attribute.type == IFLA_LINKINFO) link.kind = LinkKind(attribute.bytes);
    }
  }
  return links;
}

Result<std::vector<LinkAddress>> RtNetworkStack::Addresses() {
  NetlinkRequest request(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{});
  INRO_ASSIGN(const std::vector<std::string> answer, Exchange(request));
  std::vector<LinkAddress> addresses;
  for (std::string_view body : answer) {
    ifaddrmsg fixed{};
    if (!TakeFixed(body, fixed)) continue;
    LinkAddress& address = addresses.emplace_back();
    address.index = static_cast<int>(fixed.ifa_index);
    address.prefix = fixed.ifa_prefixlen;
    bool local = false;
    NetlinkAttributes attributes(body);
    for (NetlinkAttributes::Attribute attribute; attributes.Next(attribute);) {
      // IFA_ADDRESS is the peer's on a point-to-point link; IFA_LOCAL is always one's own.
      if (attribute.type == IFA_LOCAL) local = true;
      if (attribute.type == IFA_LOCAL || (attribute.type == IFA_ADDRESS && !local)) {
        address.address.bytes = attribute.bytes;
      }
    }
  }
  return addresses;
}

Result<std::vector<RouteEntry>> RtNetworkStack::Routes() {
  NetlinkRequest request(RTM_GETROUTE, NLM_F_DUMP, rtmsg{});
  INRO_ASSIGN(const std::vector<std::string> answer, Exchange(request));
  std::vector<RouteEntry> routes;
  for (std::string_view body : answer) {
    rtmsg fixed{};
    if (!TakeFixed(body, fixed)) continue;
    const bool ip = fixed.rtm_family == AF_INET || fixed.rtm_family == AF_INET6;
    if (!ip || fixed.rtm_table != RT_TABLE_MAIN || fixed.rtm_type != RTN_UNICAST) continue;
    RouteEntry& route = routes.emplace_back();
    route.v6 = fixed.rtm_family == AF_INET6;
    route.prefix = fixed.rtm_dst_len;
    route.scope = fixed.rtm_scope;
    route.protocol = fixed.rtm_protocol;
    route.flags = fixed.rtm_flags;
    NetlinkAttributes attributes(body);
    for (NetlinkAttributes::Attribute attribute; attributes.Next(attribute);) {
      if (attribute.type == RTA_DST) route.destination.bytes = attribute.bytes;
      if (attribute.type == RTA_GATEWAY) route.gateway.bytes = attribute.bytes;
      if (attribute.type == RTA_PREFSRC) route.source.bytes = attribute.bytes;
      if (attribute.type == RTA_OIF) route.index = static_cast<int>(attribute.Number());
      if (attribute.type == RTA_METRICS) route.mtu = RouteMtu(attribute.bytes);
    }
  }
  return routes;
}

Result<> RtNetworkStack::ChangeLink(int index, const LinkChange& change) {
  ifinfomsg fixed{};
  fixed.ifi_index = index;
  if (change.up) {
    fixed.ifi_change |= IFF_UP;
    fixed.ifi_flags |= *change.up ? unsigned{IFF_UP} : 0u;
  }
  if (change.no_arp) {
    fixed.ifi_change |= IFF_NOARP;
    fixed.ifi_flags |= *change.no_arp ? unsigned{IFF_NOARP} : 0u;
  }
  NetlinkRequest request(RTM_NEWLINK, kAcknowledged, fixed);
  if (change.name) request.AttributeText(IFLA_IFNAME, *change.name);
  if (change.hardware) request.Attribute(IFLA_ADDRESS, *change.hardware);
  if (change.mtu) request.Attribute(IFLA_MTU, *change.mtu);
  INRO_TRY(Exchange(request));
  return {};
}

Result<> RtNetworkStack::AddAddress(const LinkAddress& address) {
  NetlinkRequest request =
      AddressRequest(RTM_NEWADDR, kAcknowledged | NLM_F_CREATE | NLM_F_REPLACE, address);
  return Unless(EEXIST, Exchange(request));
}

Result<> RtNetworkStack::RemoveAddress(const LinkAddress& address) {
  NetlinkRequest request = AddressRequest(RTM_DELADDR, kAcknowledged, address);
  return Unless(EADDRNOTAVAIL, Exchange(request));
}

Result<> RtNetworkStack::AddRoute(const RouteEntry& route) {
  NetlinkRequest request =
      RouteRequest(RTM_NEWROUTE, kAcknowledged | NLM_F_CREATE | NLM_F_REPLACE, route);
  return Unless(EEXIST, Exchange(request));
}

Result<> RtNetworkStack::RemoveRoute(const RouteEntry& route) {
  NetlinkRequest request = RouteRequest(RTM_DELROUTE, kAcknowledged, route);
  return Unless(ESRCH, Exchange(request));
}

Result<> RtNetworkStack::AddNeighbour(const NeighbourEntry& neighbour) {
  ndmsg fixed{};
  fixed.ndm_family = Family(neighbour.address.v6());
  fixed.ndm_ifindex = neighbour.index;
  fixed.ndm_state = neighbour.state;
  fixed.ndm_flags = neighbour.flags;
  NetlinkRequest request(RTM_NEWNEIGH, kAcknowledged | NLM_F_CREATE | NLM_F_REPLACE, fixed);
  request.Attribute(NDA_DST, neighbour.address.bytes);
  if (!neighbour.hardware.empty()) request.Attribute(NDA_LLADDR, neighbour.hardware);
  INRO_TRY(Exchange(request));
  return {};
}

}  // namespace inro::guest::agent
