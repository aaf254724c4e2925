// Interfaces, routes and neighbours (proto/types.proto and their requests in proto/agent.proto).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace inro::protocol {

enum class IPFamily : std::int32_t { v4 = 0, v6 = 1 };

struct IPAddress {
  static constexpr std::string_view kName = "types.IPAddress";
  IPFamily family{};
  std::string address;
  std::string mask;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "family", &IPAddress::family);
    visit(2, "address", &IPAddress::address);
    visit(3, "mask", &IPAddress::mask);
  }
};

struct Interface {
  static constexpr std::string_view kName = "types.Interface";
  std::string device;
  std::string name;
  std::vector<IPAddress> ip_addresses;
  std::uint64_t mtu = 0;
  std::string hw_addr;
  std::string device_path;
  std::string type;
  std::uint32_t raw_flags = 0;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "device", &Interface::device);
    visit(2, "name", &Interface::name);
    visit(3, "IPAddresses", &Interface::ip_addresses);
    visit(4, "mtu", &Interface::mtu);
    visit(5, "hwAddr", &Interface::hw_addr);
    visit(6, "devicePath", &Interface::device_path);
    visit(7, "type", &Interface::type);
    visit(8, "raw_flags", &Interface::raw_flags);
  }
};

struct Route {
  static constexpr std::string_view kName = "types.Route";
  std::string dest;
  std::string gateway;
  std::string device;
  std::string source;
  std::uint32_t scope = 0;
  IPFamily family{};
  std::uint32_t flags = 0;
  std::uint32_t mtu = 0;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "dest", &Route::dest);
    visit(2, "gateway", &Route::gateway);
    visit(3, "device", &Route::device);
    visit(4, "source", &Route::source);
    visit(5, "scope", &Route::scope);
    visit(6, "family", &Route::family);
    visit(7, "flags", &Route::flags);
    visit(8, "mtu", &Route::mtu);
  }
};

struct ARPNeighbor {
  static constexpr std::string_view kName = "types.ARPNeighbor";
  std::optional<IPAddress> to_ip_address;
  std::string device;
  std::string lladdr;
  std::int32_t state = 0;
  std::int32_t flags = 0;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "toIPAddress", &ARPNeighbor::to_ip_address);
    visit(2, "device", &ARPNeighbor::device);
    visit(3, "lladdr", &ARPNeighbor::lladdr);
    visit(4, "state", &ARPNeighbor::state);
    visit(5, "flags", &ARPNeighbor::flags);
  }
};

struct Interfaces {
  static constexpr std::string_view kName = "grpc.Interfaces";
  std::vector<Interface> interfaces;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "Interfaces", &Interfaces::interfaces);
  }
};

struct Routes {
  static constexpr std::string_view kName = "grpc.Routes";
  std::vector<Route> routes;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "Routes", &Routes::routes);
  }
};

struct UpdateInterfaceRequest {
  static constexpr std::string_view kName = "grpc.UpdateInterfaceRequest";
  std::optional<Interface> iface;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "interface", &UpdateInterfaceRequest::iface);
  }
};

struct UpdateRoutesRequest {
  static constexpr std::string_view kName = "grpc.UpdateRoutesRequest";
  std::optional<Routes> routes;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "routes", &UpdateRoutesRequest::routes);
  }
};

struct ARPNeighbors {
  static constexpr std::string_view kName = "grpc.ARPNeighbors";
  std::vector<ARPNeighbor> arp_neighbors;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "ARPNeighbors", &ARPNeighbors::arp_neighbors);
  }
};

struct AddARPNeighborsRequest {
  static constexpr std::string_view kName = "grpc.AddARPNeighborsRequest";
  std::optional<ARPNeighbors> neighbors;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "neighbors", &AddARPNeighborsRequest::neighbors);
  }
};

struct GetIPTablesRequest {
  static constexpr std::string_view kName = "grpc.GetIPTablesRequest";
  bool is_ipv6 = false;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "is_ipv6", &GetIPTablesRequest::is_ipv6);
  }
};

struct GetIPTablesResponse {
  static constexpr std::string_view kName = "grpc.GetIPTablesResponse";
  std::string data;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "data", &GetIPTablesResponse::data);
  }
};

struct SetIPTablesRequest {
  static constexpr std::string_view kName = "grpc.SetIPTablesRequest";
  bool is_ipv6 = false;
  std::string data;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "is_ipv6", &SetIPTablesRequest::is_ipv6);
    visit(2, "data", &SetIPTablesRequest::data);
  }
};

struct SetIPTablesResponse {
  static constexpr std::string_view kName = "grpc.SetIPTablesResponse";
  std::string data;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "data", &SetIPTablesResponse::data);
  }
};

}  // namespace inro::protocol
