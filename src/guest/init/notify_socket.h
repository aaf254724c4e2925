// $NOTIFY_SOCKET (sd_notify(3)): datagrams from services, with the kernel's word on who sent them.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "guest/init/unit_run.h"

namespace inro::guest {

// Lines NAME=VALUE; what is not known is ignored. Never fails.
NotifyMessage ParseNotifyMessage(std::string_view text);

class NotifySocket {
 public:
  // Binds a datagram socket at `path`, which anybody may write to (senders are checked).
  static Result<NotifySocket> Bind(const std::string& path);

  int fd() const { return fd_.get(); }

  struct Received {
    pid_t sender = 0;
    NotifyMessage message;
  };
  // The next message; nullopt when there is none. Never blocks. Descriptors that come along are
  // closed unless it says FDSTORE=1.
  std::optional<Received> Receive();

 private:
  explicit NotifySocket(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace inro::guest
