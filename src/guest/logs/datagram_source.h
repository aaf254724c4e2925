// Sources that come as datagrams: syslog's /dev/log, the journal's native protocol, and what
// systemd-journald forwards.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "guest/logs/intake.h"
#include "guest/logs/process_unit.h"

namespace inro::guest::logs {

class DatagramSource {
 public:
  enum class Protocol {
    kSyslog,     // /run/systemd/journal/dev-log
    kNative,     // /run/systemd/journal/socket
    kForwarded,  // /run/systemd/journal/syslog: syslog lines of everything that journald has
  };
  static constexpr std::size_t kMaxDatagram = 64 << 10;

  // `socket` is bound, non-blocking and passes credentials.
  DatagramSource(UniqueFd socket, Protocol protocol, Intake& intake, ProcessUnits& units);

  // Takes some datagrams; true when there may be more.
  bool Read();
  int fd() const { return socket_.get(); }

 private:
  void Take(std::string_view bytes, pid_t pid);
  void TakeSyslog(std::string_view bytes, pid_t pid);
  void TakeNative(std::string_view bytes, pid_t pid);
  void TakeFile(int fd, pid_t pid);

  UniqueFd socket_;
  Protocol protocol_;
  Intake& intake_;
  ProcessUnits& units_;
  std::unique_ptr<char[]> buffer_;  // kMaxDatagram; its pages come with use
};

}  // namespace inro::guest::logs
