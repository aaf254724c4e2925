// The network requests of the API, over the seam NetworkStack.
#pragma once

#include <chrono>
#include <functional>
#include <vector>

#include "base/result.h"
#include "guest/agent/network_stack.h"
#include "protocol/network_message.h"

namespace inro::guest::agent {

Result<protocol::Interfaces> ListInterfaces(NetworkStack& stack);
Result<protocol::Routes> ListRoutes(NetworkStack& stack);

// How long a hot-plugged interface is waited for. `sleep` is for tests; empty: really.
struct HotplugWait {
  std::chrono::milliseconds timeout{3000};
  std::function<void(std::chrono::milliseconds)> sleep;
};

// Gives the link with this hardware address (else this name) its addresses, MTU and name, and puts
// it up. One that has the name already gets the old name of the link: they swap. With a device path
// in the request, the link may still be on its way.
Result<> UpdateInterface(NetworkStack& stack, const protocol::Interface& wanted,
                         const HotplugWait& wait);

// Makes the main table hold these routes: first those without a gateway, then those that need
// them. Routes that the kernel made for addresses stay. All is read before anything is changed.
Result<> UpdateRoutes(NetworkStack& stack, const std::vector<protocol::Route>& routes);

// Permanent entries, unless the request says another state.
Result<> AddNeighbours(NetworkStack& stack, const std::vector<protocol::ARPNeighbor>& neighbours);

}  // namespace inro::guest::agent
