#include "guest/agent/network.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <string>
#include <thread>

#include "base/stable_sort.h"
#include "guest/agent/ip_text.h"

namespace inro::guest::agent {
namespace {

constexpr std::chrono::milliseconds kHotplugPause(20);

const Link* FindByName(const std::vector<Link>& links, std::string_view name) {
  const auto found = std::ranges::find(links, name, &Link::name);
  return found == links.end() ? nullptr : &*found;
}

const Link* FindWanted(const std::vector<Link>& links, const std::string& hardware,
                       std::string_view name) {
  if (!hardware.empty()) {
    const auto found = std::ranges::find(links, hardware, &Link::hardware);
    if (found != links.end()) return &*found;
  }
  return FindByName(links, name);
}

// Waits while nothing has the hardware address: that is how a new device shows.
Result<std::vector<Link>> WaitForLink(NetworkStack& stack, const std::string& hardware,
                                      const HotplugWait& wait) {
  std::chrono::milliseconds waited(0);
  while (true) {
    INRO_ASSIGN(std::vector<Link> links, stack.Links());
    if (FindWanted(links, hardware, "") != nullptr || waited >= wait.timeout) return links;
    waited += kHotplugPause;
    if (wait.sleep) {
      wait.sleep(kHotplugPause);
    } else {
      std::this_thread::sleep_for(kHotplugPause);
    }
  }
}

Result<> SetAddresses(NetworkStack& stack, int index, const std::vector<IpPrefix>& wanted) {
  INRO_ASSIGN(const std::vector<LinkAddress> present, stack.Addresses());
  const auto is_wanted = [&](const LinkAddress& address) {
    return std::ranges::any_of(wanted, [&](const IpPrefix& want) {
      return want.address == address.address && want.prefix == address.prefix;
    });
  };
  for (const LinkAddress& address : present) {
    if (address.index == index && !is_wanted(address)) INRO_TRY(stack.RemoveAddress(address));
  }
  for (const IpPrefix& want : wanted) {
    INRO_TRY(stack.AddAddress({.index = index, .address = want.address, .prefix = want.prefix}));
  }
  return {};
}

// A link can be renamed only while it is down.
Result<> Rename(NetworkStack& stack, const std::vector<Link>& links, const Link& link,
                const std::string& name) {
  const Link* holder = FindByName(links, name);
  INRO_TRY(stack.ChangeLink(link.index, {.up = false}));
  if (holder == nullptr) return stack.ChangeLink(link.index, {.name = name});
  const bool was_up = (holder->flags & IFF_UP) != 0;
  if (was_up) INRO_TRY(stack.ChangeLink(holder->index, {.up = false}));
  // Three steps through a name that nobody has: it is made of a number that nobody has.
  INRO_TRY(stack.ChangeLink(holder->index, {.name = fmt::format("swap{}", holder->index)}));
  INRO_TRY(stack.ChangeLink(link.index, {.name = name}));
  INRO_TRY(stack.ChangeLink(holder->index, {.name = link.name}));
  if (was_up) INRO_TRY(stack.ChangeLink(holder->index, {.up = true}));
  return {};
}

Result<RouteEntry> ReadRoute(const std::vector<Link>& links, const protocol::Route& route) {
  RouteEntry entry;
  entry.v6 = route.family == protocol::IPFamily::v6;
  if (!route.gateway.empty()) {
    INRO_ASSIGN(entry.gateway, ParseIp(route.gateway));
    entry.v6 = entry.gateway.v6();
  }
  if (!route.source.empty()) {
    INRO_ASSIGN(entry.source, ParseIp(route.source));
    entry.v6 = entry.source.v6();
  }
  if (!route.dest.empty() && route.dest != "default") {
    INRO_ASSIGN(IpPrefix destination, ParseIpPrefix(route.dest));
    entry.v6 = destination.address.v6();
    entry.prefix = destination.prefix;
    // 0.0.0.0/0 is the default route, which has no destination on the wire.
    if (entry.prefix > 0) entry.destination = std::move(destination.address);
  }
  const std::size_t size = entry.v6 ? 16 : 4;
  for (const IpBytes* address : {&entry.gateway, &entry.source}) {
    if (!address->bytes.empty() && address->bytes.size() != size) {
      return FailAs(ErrorKind::kBadInput, "route to \"{}\" mixes address families", route.dest);
    }
  }
  if (!route.device.empty()) {
    const Link* link = FindByName(links, route.device);
    if (link == nullptr) {
      return FailAs(ErrorKind::kBadInput, "route to \"{}\": no interface {}", route.dest,
                    route.device);
    }
    entry.index = link->index;
  }
  if (entry.gateway.bytes.empty() && entry.index == 0) {
    return FailAs(ErrorKind::kBadInput, "route to \"{}\" has no gateway and no interface",
                  route.dest);
  }
  entry.scope = static_cast<std::uint8_t>(route.scope);
  entry.flags = route.flags;
  entry.mtu = route.mtu;
  return entry;
}

protocol::IPFamily FamilyOf(bool v6) {
  return v6 ? protocol::IPFamily::v6 : protocol::IPFamily::v4;
}

}  // namespace

Result<protocol::Interfaces> ListInterfaces(NetworkStack& stack) {
  INRO_ASSIGN(const std::vector<Link> links, stack.Links());
  INRO_ASSIGN(const std::vector<LinkAddress> addresses, stack.Addresses());
  protocol::Interfaces answer;
  for (const Link& link : links) {
    protocol::Interface& shown = answer.interfaces.emplace_back();
    shown.device = link.name;
    shown.name = link.name;
    shown.mtu = link.mtu;
    shown.hw_addr = HardwareText(link.hardware);
    shown.type = link.kind;
    shown.raw_flags = link.flags;
    for (const LinkAddress& address : addresses) {
      if (address.index != link.index) continue;
      shown.ip_addresses.push_back({.family = FamilyOf(address.address.v6()),
                                    .address = IpText(address.address),
                                    .mask = std::to_string(address.prefix)});
    }
  }
  return answer;
}

Result<protocol::Routes> ListRoutes(NetworkStack& stack) {
  INRO_ASSIGN(const std::vector<Link> links, stack.Links());
  INRO_ASSIGN(const std::vector<RouteEntry> routes, stack.Routes());
  protocol::Routes answer;
  for (const RouteEntry& route : routes) {
    protocol::Route& shown = answer.routes.emplace_back();
    if (!route.destination.bytes.empty()) {
      shown.dest = IpText(route.destination) + "/" + std::to_string(route.prefix);
    }
    shown.gateway = IpText(route.gateway);
    shown.source = IpText(route.source);
    shown.scope = route.scope;
    shown.family = FamilyOf(route.v6);
    shown.flags = route.flags;
    shown.mtu = route.mtu;
    const auto link = std::ranges::find(links, route.index, &Link::index);
    if (link != links.end()) shown.device = link->name;
  }
  return answer;
}

Result<> UpdateInterface(NetworkStack& stack, const protocol::Interface& wanted,
                         const HotplugWait& wait) {
  std::string hardware;
  if (!wanted.hw_addr.empty()) {
    INRO_ASSIGN(hardware, ParseHardware(wanted.hw_addr));
  }
  std::vector<IpPrefix> addresses;
  for (const protocol::IPAddress& address : wanted.ip_addresses) {
    INRO_ASSIGN(IpBytes ip, ParseIp(address.address));
    INRO_ASSIGN(const int prefix, ParsePrefix(address.mask, ip.v6()));
    addresses.push_back({std::move(ip), prefix});
  }
  if (wanted.name.size() >= IFNAMSIZ) {
    return FailAs(ErrorKind::kBadInput, "interface name \"{}\" is too long", wanted.name);
  }

  const bool coming = !wanted.device_path.empty();
  INRO_ASSIGN(const std::vector<Link> links,
              coming ? WaitForLink(stack, hardware, wait) : stack.Links());
  const Link* link = FindWanted(links, hardware, wanted.name);
  if (link == nullptr) {
    return Fail("no interface with the address {} or the name {}", wanted.hw_addr, wanted.name);
  }
  if (!wanted.name.empty() && link->name != wanted.name) {
    INRO_TRY(Rename(stack, links, *link, wanted.name));
  }
  LinkChange change;
  if (!hardware.empty() && link->hardware != hardware) change.hardware = hardware;
  if (wanted.mtu != 0) change.mtu = static_cast<std::uint32_t>(wanted.mtu);
  if ((wanted.raw_flags & IFF_NOARP) != 0) change.no_arp = true;
  change.up = true;
  INRO_TRY(stack.ChangeLink(link->index, change));
  return SetAddresses(stack, link->index, addresses);
}

Result<> UpdateRoutes(NetworkStack& stack, const std::vector<protocol::Route>& routes) {
  INRO_ASSIGN(const std::vector<Link> links, stack.Links());
  std::vector<RouteEntry> wanted;
  for (const protocol::Route& route : routes) {
    INRO_ASSIGN(RouteEntry entry, ReadRoute(links, route));
    wanted.push_back(std::move(entry));
  }
  // A gateway must be reachable by a route that stands already.
  StableSort(wanted, std::ranges::less(),
             [](const RouteEntry& route) { return !route.gateway.bytes.empty(); });
  INRO_ASSIGN(const std::vector<RouteEntry> present, stack.Routes());
  for (const RouteEntry& route : present) {
    if (route.protocol != RTPROT_KERNEL) INRO_TRY(stack.RemoveRoute(route));
  }
  for (const RouteEntry& route : wanted) {
    if (auto added = stack.AddRoute(route); !added) {
      const std::string to =
          route.destination.bytes.empty() ? "default" : IpText(route.destination);
      return std::unexpected(
          added.error().Wrap(fmt::format("add the route to {}/{}", to, route.prefix)));
    }
  }
  return {};
}

Result<> AddNeighbours(NetworkStack& stack, const std::vector<protocol::ARPNeighbor>& neighbours) {
  INRO_ASSIGN(const std::vector<Link> links, stack.Links());
  for (const protocol::ARPNeighbor& neighbour : neighbours) {
    NeighbourEntry entry;
    if (!neighbour.to_ip_address) {
      return FailAs(ErrorKind::kBadInput, "a neighbour without an address");
    }
    INRO_ASSIGN(entry.address, ParseIp(neighbour.to_ip_address->address));
    if (!neighbour.lladdr.empty()) {
      INRO_ASSIGN(entry.hardware, ParseHardware(neighbour.lladdr));
    }
    const Link* link = FindByName(links, neighbour.device);
    if (link == nullptr) {
      return FailAs(ErrorKind::kBadInput, "neighbour {}: no interface \"{}\"",
                    neighbour.to_ip_address->address, neighbour.device);
    }
    entry.index = link->index;
    entry.state = neighbour.state != 0 ? static_cast<std::uint16_t>(neighbour.state)
                                       : std::uint16_t{NUD_PERMANENT};
    entry.flags = static_cast<std::uint8_t>(neighbour.flags);
    INRO_TRY(stack.AddNeighbour(entry));
  }
  return {};
}

}  // namespace inro::guest::agent
