// Proves that iptables works in the guest by its effect: in a network name space of its own (so
// that the guest's rules are not touched) a datagram to the loopback arrives; after a DROP rule the
// next ones do not, and the rule's counter has counted them; after a DNAT and a SNAT rule one
// arrives at another port, from another address, and the answer finds its way back.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace inro::guest::control {

// The evidence, or what went wrong. Needs root and iptables in the guest. Runs in a child process,
// because a process cannot go back to its name space without keeping a descriptor of it.
Result<std::string> ProbeFirewall();

// What became of the probe's datagrams.
struct FirewallSeen {
  std::string version;      // of iptables: "iptables v1.8.9 (nf_tables)"
  int sent = 0;             // to a port that a DROP rule names
  int arrived = 0;          // there all the same
  long counted = 0;         // by the rule; -1 when its counter was not found
  std::string sent_to;      // "127.0.0.1:4243", for which a DNAT rule is
  std::string received_at;  // the other end of that datagram; empty when it arrived nowhere
  std::string sent_from;    // by the sender's socket
  std::string seen_from;    // by the receiver, after a SNAT rule
  bool answered = false;    // the receiver's answer came to the sender, from where it had sent to
};

// The evidence of a firewall that drops, counts and translates; an error that says which it does
// not.
Result<std::string> FirewallEvidence(const FirewallSeen& seen);

// The packet counter of the first rule that ends in DROP or has it as target, in the output of
// `iptables -nvxL INPUT`; -1 when there is none.
long DropCounter(std::string_view listing);

}  // namespace inro::guest::control
