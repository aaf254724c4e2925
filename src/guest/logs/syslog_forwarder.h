// Gives records on to a syslog daemon of the guest's own (rsyslog), at the socket where
// systemd-journald would: each as one datagram of RFC 3164. It never waits for the daemon.
#pragma once

#include <cstdint>
#include <string>

#include "base/unique_fd.h"
#include "guest/logs/record.h"

namespace inro::guest::logs {

// What came by syslog, as it came; of others "<30>Nov 24 10:00:00 name[1]: text", with the facility
// daemon.
std::string SyslogDatagram(const Record& record);

class SyslogForwarder {
 public:
  static constexpr const char* kPath = "/run/systemd/journal/syslog";

  // `path` is that of the daemon's socket; empty: nothing is forwarded.
  explicit SyslogForwarder(std::string path);

  // Without a daemon that listens nothing happens.
  void Forward(const Record& record);
  // How many records a daemon that listens did not take since the last call.
  std::uint64_t TakeLost();

 private:
  std::string path_;
  UniqueFd socket_;
  std::uint64_t lost_ = 0;
};

}  // namespace inro::guest::logs
