// GetIPTables and SetIPTables: the guest's packet filter as text, in the form that iptables-save
// prints and iptables-restore reads.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "protocol/network_message.h"

namespace inro::guest::agent {

// Where the programs are looked for, the first that has them. Both calls block while a program of
// the guest runs, at most some seconds.
struct FirewallPrograms {
  std::vector<std::string> folders = {"/usr/sbin", "/sbin"};
};

// The rules of all tables.
Result<protocol::GetIPTablesResponse> GetIPTables(const protocol::GetIPTablesRequest& request,
                                                  const FirewallPrograms& programs = {});
// Replaces the tables that `data` names. An error carries what the program says; nothing is changed
// then. Gives what it printed.
Result<protocol::SetIPTablesResponse> SetIPTables(const protocol::SetIPTablesRequest& request,
                                                  const FirewallPrograms& programs = {});

}  // namespace inro::guest::agent
