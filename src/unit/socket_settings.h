// What socket units say (systemd.socket(5)). Plain data.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "unit/command_line.h"
#include "unit/exec_settings.h"
#include "unit/value.h"

namespace inro::unit {

enum class ListenKind { kStream, kDatagram, kSequentialPacket, kFifo, kNetlink, kSpecial };

struct ListenSetting {
  ListenKind kind = ListenKind::kStream;
  // "/path", "@abstract", "1234", "1.2.3.4:5", "[::1]:5", "vsock:CID:PORT" (CID empty: any),
  // of netlink: "family [group]".
  std::string address;
};

enum class BindIpv6Only { kDefault, kBoth, kIpv6Only };

struct SocketSettings {
  std::vector<ListenSetting> listen;
  bool accept = false;
  unsigned max_connections = 64;
  unsigned max_connections_per_source = 0;  // 0: as max_connections
  unsigned backlog = 0x7fffffff;
  std::string user, group;
  mode_t mode = 0666;
  mode_t directory_mode = 0755;
  bool remove_on_stop = false, flush_pending = false, writable = false;
  std::vector<std::string> symlinks;
  std::string fd_name;  // FileDescriptorName=; empty: the unit's name, "connection" with Accept=yes
  std::string service;  // Service=; empty: of the same name
  bool pass_credentials = false, pass_security = false, broadcast = false, keep_alive = false;
  bool no_delay = false, reuse_port = false, free_bind = false, transparent = false;
  BindIpv6Only ipv6_only = BindIpv6Only::kDefault;
  std::string bind_to_device;
  std::optional<int> priority, mark, ip_tos, ip_ttl;
  std::optional<std::uint64_t> receive_buffer, send_buffer, pipe_size;
  // Absent: 2 s and 20 (200 with Accept=yes). An interval of 0: no limit.
  std::optional<Microseconds> trigger_interval;
  std::optional<unsigned> trigger_burst;
  Microseconds timeout{90'000'000};
  std::vector<Command> start_pre, start_post, stop_pre, stop_post;
  ExecSettings exec;  // of these commands
};

}  // namespace inro::unit
