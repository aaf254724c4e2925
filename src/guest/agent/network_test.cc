#include "guest/agent/network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "guest/agent/ip_text.h"
#include "guest/agent/netlink_message.h"

namespace inro::guest::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A kernel in memory that refuses what the kernel would refuse.
class FakeNetworkStack final : public NetworkStack {
 public:
  std::vector<Link> links;
  std::vector<LinkAddress> addresses;
  std::vector<RouteEntry> routes;
  std::vector<NeighbourEntry> neighbours;
  std::vector<std::string> log;

  Result<std::vector<Link>> Links() override {
    if (appears_after > 0 && --appears_after == 0) links.push_back(appearing);
    return links;
  }
  Result<std::vector<LinkAddress>> Addresses() override { return addresses; }
  Result<std::vector<RouteEntry>> Routes() override { return routes; }

  Result<> ChangeLink(int index, const LinkChange& change) override {
    Link* link = Find(index);
    if (link == nullptr) return Refuse(ENODEV);
    if (change.name) {
      if ((link->flags & IFF_UP) != 0) return Refuse(EBUSY);
      if (std::ranges::count(links, *change.name, &Link::name) > 0) return Refuse(EEXIST);
      log.push_back(link->name + ">" + *change.name);
      link->name = *change.name;
    }
    if (change.hardware) link->hardware = *change.hardware;
    if (change.mtu) link->mtu = *change.mtu;
    if (change.up)
      link->flags = *change.up ? link->flags | IFF_UP : link->flags & ~unsigned{IFF_UP};
    if (change.no_arp && *change.no_arp) link->flags |= IFF_NOARP;
    return {};
  }
  Result<> AddAddress(const LinkAddress& address) override {
    addresses.push_back(address);
    return {};
  }
  Result<> RemoveAddress(const LinkAddress& address) override {
    std::erase_if(addresses, [&](const LinkAddress& other) {
      return other.index == address.index && other.address == address.address;
    });
    return {};
  }
  Result<> AddRoute(const RouteEntry& route) override {
    const bool direct = route.gateway.bytes.empty();
    const bool reachable = direct || std::ranges::any_of(routes, [](const RouteEntry& other) {
                             return other.gateway.bytes.empty();
                           });
    if (!reachable) return Refuse(ENETUNREACH);
    routes.push_back(route);
    log.push_back("route " + IpText(route.destination) + "/" + std::to_string(route.prefix));
    return {};
  }
  Result<> RemoveRoute(const RouteEntry& route) override {
    std::erase_if(routes, [&](const RouteEntry& other) {
      return other.destination == route.destination && other.protocol == route.protocol;
    });
    return {};
  }
  Result<> AddNeighbour(const NeighbourEntry& neighbour) override {
    neighbours.push_back(neighbour);
    return {};
  }

  Link* Find(int index) {
    const auto found = std::ranges::find(links, index, &Link::index);
    return found == links.end() ? nullptr : &*found;
  }

  int appears_after = 0;  // calls of Links() until `appearing` is there
  Link appearing;

 private:
  static Result<> Refuse(int error) {
    errno = error;
    return FailErrno("netlink");
  }
};

constexpr char kMac1[] = "02:00:ca:fe:00:01";
constexpr char kMac2[] = "02:00:ca:fe:00:02";

Link MakeLink(int index, const char* name, const char* mac, unsigned flags = 0) {
  return {.index = index,
          .name = name,
          .hardware = ParseHardware(mac).value(),
          .mtu = 1500,
          .flags = flags,
          .kind = {}};
}

HotplugWait NoSleep() {
  return {.timeout = std::chrono::milliseconds(200), .sleep = [](std::chrono::milliseconds) {}};
}

TEST(UpdateInterface, ConfiguresTheLinkWithTheHardwareAddress) {
  FakeNetworkStack stack;
  stack.links = {MakeLink(1, "lo", "00:00:00:00:00:00"), MakeLink(2, "eth0", kMac1)};
  stack.addresses = {{2, ParseIp("192.168.9.9").value(), 24}, {1, ParseIp("127.0.0.1").value(), 8}};
  protocol::Interface wanted{.device = "eth0",
                             .name = "eth0",
                             .mtu = 1400,
                             .hw_addr = "02:00:CA:FE:00:01",
                             .raw_flags = IFF_NOARP};
  wanted.ip_addresses = {{.address = "10.0.0.2", .mask = "24"},
                         {.family = protocol::IPFamily::v6, .address = "fd00::2", .mask = "64"}};
  ASSERT_TRUE(UpdateInterface(stack, wanted, NoSleep()));
  const Link& link = *stack.Find(2);
  EXPECT_EQ(link.mtu, 1400u);
  EXPECT_EQ(link.flags, unsigned{IFF_UP | IFF_NOARP});
  std::vector<std::string> texts;
  for (const auto& address : stack.addresses) {
    texts.push_back(std::to_string(address.index) + " " + IpText(address.address));
  }
  EXPECT_THAT(texts, ElementsAre("1 127.0.0.1", "2 10.0.0.2", "2 fd00::2"));
}

TEST(UpdateInterface, TwoLinksSwapTheirNames) {
  FakeNetworkStack stack;
  stack.links = {MakeLink(2, "eth0", kMac1, IFF_UP), MakeLink(3, "eth1", kMac2, IFF_UP)};
  ASSERT_TRUE(UpdateInterface(stack, {.name = "eth0", .hw_addr = kMac2}, NoSleep()));
  EXPECT_EQ(stack.Find(3)->name, "eth0");
  EXPECT_EQ(stack.Find(2)->name, "eth1");
  EXPECT_NE(stack.Find(2)->flags & IFF_UP, 0u);
  EXPECT_NE(stack.Find(3)->flags & IFF_UP, 0u);
}

TEST(UpdateInterface, FindsByNameAndSetsTheHardwareAddress) {
  FakeNetworkStack stack;
  stack.links = {MakeLink(2, "eth0", kMac1)};
  ASSERT_TRUE(UpdateInterface(stack, {.name = "eth0", .hw_addr = kMac2}, NoSleep()));
  EXPECT_EQ(HardwareText(stack.Find(2)->hardware), kMac2);
}

TEST(UpdateInterface, WaitsForAHotPluggedDevice) {
  FakeNetworkStack stack;
  stack.appearing = MakeLink(5, "eth7", kMac1);
  stack.appears_after = 4;
  ASSERT_TRUE(UpdateInterface(stack, {.name = "eth0", .hw_addr = kMac1, .device_path = "02/03"},
                              NoSleep()));
  EXPECT_EQ(stack.Find(5)->name, "eth0");
  FakeNetworkStack empty;
  const auto missing =
      UpdateInterface(empty, {.name = "eth0", .hw_addr = kMac1, .device_path = "02/03"}, NoSleep());
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().ToString(), HasSubstr(kMac1));
}

TEST(UpdateInterface, BadInputChangesNothing) {
  FakeNetworkStack stack;
  stack.links = {MakeLink(2, "eth0", kMac1)};
  protocol::Interface wanted{.name = "eth0", .mtu = 9000, .hw_addr = kMac1};
  wanted.ip_addresses = {{.address = "10.0.0.300", .mask = "24"}};
  EXPECT_EQ(UpdateInterface(stack, wanted, NoSleep()).error().kind(), ErrorKind::kBadInput);
  wanted.ip_addresses = {{.address = "10.0.0.3", .mask = "33"}};
  EXPECT_EQ(UpdateInterface(stack, wanted, NoSleep()).error().kind(), ErrorKind::kBadInput);
  wanted.ip_addresses.clear();
  wanted.hw_addr = "02:00:zz";
  EXPECT_EQ(UpdateInterface(stack, wanted, NoSleep()).error().kind(), ErrorKind::kBadInput);
  wanted.hw_addr = kMac1;
  wanted.name = "a-name-over-fifteen-bytes";
  EXPECT_EQ(UpdateInterface(stack, wanted, NoSleep()).error().kind(), ErrorKind::kBadInput);
  EXPECT_EQ(stack.Find(2)->mtu, 1500u);
}

TEST(UpdateRoutes, DirectOnesComeFirstAndOldOnesGo) {
  FakeNetworkStack stack;
  stack.links = {MakeLink(2, "eth0", kMac1, IFF_UP)};
  RouteEntry old{.destination = ParseIp("172.16.0.0").value(),
                 .prefix = 16,
                 .index = 2,
                 .protocol = RTPROT_BOOT};
  RouteEntry kernel{.destination = ParseIp("10.0.0.0").value(),
                    .prefix = 24,
                    .index = 2,
                    .protocol = RTPROT_KERNEL};
  kernel.gateway.bytes.clear();
  stack.routes = {old, kernel};
  // As the Go runtime sends the default route, and as runtime-rs does.
  for (const char* dest : {"0.0.0.0/0", ""}) {
    stack.log.clear();
    ASSERT_TRUE(UpdateRoutes(stack, {{.dest = dest, .gateway = "10.0.0.1", .device = "eth0"},
                                     {.dest = "192.168.1.0/24", .device = "eth0", .scope = 253}}));
    EXPECT_THAT(stack.log, ElementsAre("route 192.168.1.0/24", "route /0"));
  }
  EXPECT_EQ(std::ranges::count(stack.routes, std::uint8_t{RTPROT_KERNEL}, &RouteEntry::protocol),
            1);
  EXPECT_EQ(std::ranges::count(stack.routes, old.destination, &RouteEntry::destination), 0);
}

TEST(UpdateRoutes, BadInputChangesNothing) {
  FakeNetworkStack stack;
  stack.links = {MakeLink(2, "eth0", kMac1)};
  stack.routes = {{.index = 2, .protocol = RTPROT_BOOT}};
  for (const protocol::Route& bad :
       {protocol::Route{.dest = "10.0.0.0/24", .device = "eth9"},
        protocol::Route{.dest = "10.0.0.0/40", .device = "eth0"},
        protocol::Route{.dest = "fd00::/64", .gateway = "10.0.0.1", .device = "eth0"},
        protocol::Route{.dest = "10.0.0.0/24"}}) {
    EXPECT_EQ(UpdateRoutes(stack, {bad}).error().kind(), ErrorKind::kBadInput) << bad.dest;
  }
  EXPECT_EQ(stack.routes.size(), 1u);
}

TEST(AddNeighbours, ArePermanent) {
  FakeNetworkStack stack;
  stack.links = {MakeLink(2, "eth0", kMac1)};
  ASSERT_TRUE(AddNeighbours(stack, {{.to_ip_address = protocol::IPAddress{.address = "10.0.0.1"},
                                     .device = "eth0",
                                     .lladdr = kMac2}}));
  ASSERT_EQ(stack.neighbours.size(), 1u);
  EXPECT_EQ(stack.neighbours[0].state, NUD_PERMANENT);
  EXPECT_FALSE(AddNeighbours(stack, {{.device = "eth0"}}));
}

TEST(IpText, RoundTripsAndRefuses) {
  for (const char* text : {"10.0.0.1", "fd00::1", "::"}) {
    EXPECT_EQ(IpText(ParseIp(text).value()), text);
  }
  EXPECT_EQ(ParseIpPrefix("10.1.0.0/16")->prefix, 16);
  EXPECT_EQ(ParseIpPrefix("10.1.0.0")->prefix, 32);
  for (const char* bad : {"", "10.0.0", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/33", "x::y::z"}) {
    EXPECT_FALSE(ParseIpPrefix(bad)) << bad;
  }
  for (const char* bad : {"", "02", "0g:00", "02:00:", "02-00", "2:0"}) {
    EXPECT_EQ(ParseHardware(bad).has_value(), std::string(bad) == "02") << bad;
  }
}

TEST(NetlinkMessage, IsLaidOutAsTheKernelReadsIt) {
  ifinfomsg fixed{};
  fixed.ifi_index = 7;
  NetlinkRequest request(RTM_NEWLINK, NLM_F_ACK, fixed);
  request.AttributeText(IFLA_IFNAME, "eth0");
  const std::size_t nest = request.BeginNest(RTA_METRICS);
  request.Attribute(RTAX_MTU, std::uint32_t{1400});
  request.EndNest(nest);
  const std::string bytes = request.Finish(3);
  NetlinkMessages messages(bytes);
  NetlinkMessages::Message message;
  ASSERT_TRUE(messages.Next(message));
  EXPECT_EQ(message.header.nlmsg_len, bytes.size());
  EXPECT_EQ(message.header.nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
  ifinfomsg back{};
  ASSERT_TRUE(TakeFixed(message.body, back));
  EXPECT_EQ(back.ifi_index, 7);
  NetlinkAttributes attributes(message.body);
  NetlinkAttributes::Attribute attribute;
  ASSERT_TRUE(attributes.Next(attribute));
  EXPECT_EQ(attribute.Text(), "eth0");
  ASSERT_TRUE(attributes.Next(attribute));
  NetlinkAttributes inner(attribute.bytes);
  ASSERT_TRUE(inner.Next(attribute));
  EXPECT_EQ(attribute.Number(), 1400u);
  EXPECT_FALSE(inner.Next(attribute));
  // Cut anywhere, it is refused and nothing is read behind the end.
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    NetlinkMessages short_messages(std::string_view(bytes).substr(0, cut));
    EXPECT_FALSE(short_messages.Next(message));
  }
}

// The real kernel, in a network namespace of its own: its only link is lo.
TEST(RtNetworkStack, ConfiguresARealKernel) {
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0 && ::unshare(CLONE_NEWNET) != 0) ::_exit(77);
    RtNetworkStack stack;
    const auto check = [](const char* what, const Result<>& done) {
      if (done) return;
      std::fprintf(stderr, "%s: %s\n", what, done.error().ToString().c_str());
      ::_exit(1);
    };
    protocol::Interface wanted{.name = "lo", .mtu = 4000};
    wanted.ip_addresses = {{.address = "10.9.0.2", .mask = "24"},
                           {.address = "fd00::2", .mask = "64"}};
    check("interface", UpdateInterface(stack, wanted, {}));
    check("again", UpdateInterface(stack, wanted, {}));
    check(
        "routes",
        UpdateRoutes(stack, {{.dest = "", .gateway = "10.9.0.1", .device = "lo"},
                             {.dest = "10.10.0.0/16", .device = "lo", .scope = 253, .mtu = 1300}}));
    check("routes again",
          UpdateRoutes(stack, {{.dest = "0.0.0.0/0", .gateway = "10.9.0.1", .device = "lo"}}));
    const auto interfaces = ListInterfaces(stack);
    const auto routes = ListRoutes(stack);
    if (!interfaces || !routes) ::_exit(2);
    const protocol::Interface& lo = interfaces->interfaces.at(0);
    if (lo.mtu != 4000 || (lo.raw_flags & IFF_UP) == 0) ::_exit(3);
    if (std::ranges::count(lo.ip_addresses, "10.9.0.2", &protocol::IPAddress::address) != 1)
      ::_exit(4);
    if (std::ranges::count(lo.ip_addresses, "fd00::2", &protocol::IPAddress::address) != 1)
      ::_exit(5);
    if (std::ranges::count(routes->routes, "10.9.0.1", &protocol::Route::gateway) != 1) ::_exit(6);
    if (std::ranges::count(routes->routes, "10.10.0.0/16", &protocol::Route::dest) != 0) ::_exit(7);
    // lo takes no neighbour; the kernel's refusal comes back with its number.
    const auto link = stack.ChangeLink(9999, {.up = true});
    if (link || link.error().sys_errno() != ENODEV) ::_exit(8);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "no network namespace can be made here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace inro::guest::agent
