// Proves that iptables works in the guest by its effect: in a network name space of its own (so
// that the guest's rules are not touched) a datagram to the loopback arrives; after a DROP rule the
// next ones do not, and the rule's counter has counted them.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace inro::guest::control {

// The evidence, or what went wrong. Needs root and iptables in the guest. Runs in a child process,
// because a process cannot go back to its name space without keeping a descriptor of it.
Result<std::string> ProbeFirewall();

// The packet counter of the first rule that ends in DROP or has it as target, in the output of
// `iptables -nvxL INPUT`; -1 when there is none.
long DropCounter(std::string_view listing);

}  // namespace inro::guest::control
