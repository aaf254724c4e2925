// The sockets of the collector: taken from the init (LISTEN_FDS), or bound here.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace inro::guest::logs {

struct Endpoints {
  UniqueFd dev_log;  // syslog datagrams
  UniqueFd native;   // datagrams of the journal's native protocol
  UniqueFd stdout_listener;
  UniqueFd forwarded;                                  // what systemd-journald forwards
  std::vector<UniqueFd> remote_listeners;              // of readers on the host: vsock
  UniqueFd local_listener;                             // of readers in the guest
  UniqueFd ring;                                       // kept from an earlier process
  std::vector<std::pair<std::string, UniqueFd>> kept;  // connections of services, by name
};

struct EndpointSettings {
  std::string root;            // before every path; empty but in tests
  std::uint32_t log_port = 0;  // agent.log_vport
};

// What each of the descriptors from `first` on is, by what it is bound to and its name; those that
// nobody knows are closed. All become close-on-exec and non-blocking. `names` is as $LISTEN_FDNAMES
// has it.
Endpoints SortDescriptors(int first, int count, std::string_view names);
// Those that the init passed to this process.
Endpoints TakePassedDescriptors();

// Binds what was not passed and is this process's to have: with systemd-journald in the guest, the
// journal's sockets are not, and of Kata's own agent, the log port is not. One sentence for each
// that could not be bound.
std::vector<std::string> BindMissing(const EndpointSettings& settings, Endpoints& endpoints);

}  // namespace inro::guest::logs
