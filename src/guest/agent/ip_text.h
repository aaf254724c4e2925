// IP and hardware addresses as the API spells them.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "guest/agent/network_stack.h"

namespace inro::guest::agent {

struct IpPrefix {
  IpBytes address;
  int prefix = 0;
};

// Errors are of kind kBadInput.
Result<IpBytes> ParseIp(const std::string& text);
Result<IpPrefix> ParseIpPrefix(const std::string& text);   // "10.0.0.0/24"; no "/": one address
Result<int> ParsePrefix(std::string_view text, bool v6);   // "24"
Result<std::string> ParseHardware(std::string_view text);  // "02:00:ca:fe:00:01" as bytes

std::string IpText(const IpBytes& address);  // empty for none
std::string HardwareText(std::string_view bytes);

}  // namespace inro::guest::agent
