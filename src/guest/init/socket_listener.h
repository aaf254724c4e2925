// Makes the descriptors that a socket unit listens at (systemd.socket(5)).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "guest/init/accounts.h"
#include "guest/init/kernel_log.h"
#include "unit/socket_settings.h"

namespace inro::guest {

struct ListeningPort {
  UniqueFd fd;  // non-blocking, close-on-exec
  unit::ListenKind kind = unit::ListenKind::kStream;
  std::string path;  // that lies in the file system; empty: none
};

// All of them, or an error that names the one that cannot be had: what was made is removed then. Of
// kind kBadInput when the owner does not exist.
// Never blocks. Options of a socket that the kernel refuses are only logged, as systemd does.
Result<std::vector<ListeningPort>> OpenPorts(const unit::SocketSettings& settings,
                                             const Accounts& accounts, KernelLog& log);

// Closes them, and removes what lies in the file system where RemoveOnStop= says so.
void ClosePorts(const unit::SocketSettings& settings, std::vector<ListeningPort>& ports);

// What the settings say of connections that are accepted.
void SetConnectionOptions(const unit::SocketSettings& settings, int fd);

// Takes what waits at a port and throws it away (FlushPending=). Bounded.
void FlushPort(const ListeningPort& port);

}  // namespace inro::guest
