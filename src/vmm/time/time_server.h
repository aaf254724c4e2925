// The host's end of protocol/time_message.h: tells guests the time.
//
// One thread serves any number of listeners and a bounded number of connections. A connection is
// *reading* or closed: it is closed when it sends anything but requests, when it does not take its
// answers, or when it is the one that was silent longest while a new one has no room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace inro::vmm {

// What the host's clock says.
struct HostTime {
  std::int64_t nanoseconds = 0;  // since 1970
  bool synchronised = false;     // by NTP or the like, as the kernel knows it
};
HostTime ReadHostClock();

struct TimeServerOptions {
  std::function<HostTime()> clock = ReadHostClock;  // called on the server's thread
  std::size_t connections = 64;
};

struct TimeServerCounts {
  std::uint64_t accepted = 0;
  std::uint64_t answers = 0;
  std::uint64_t refused = 0;  // closed for what they sent, or for want of room
};

class TimeServer {
 public:
  // Accepts from non-blocking listeners; who may connect is the listener's matter.
  static Result<std::unique_ptr<TimeServer>> Start(std::vector<UniqueFd> listeners,
                                                   TimeServerOptions options = {});
  // Closes everything and ends the thread.
  virtual ~TimeServer() = default;
  // From any thread.
  virtual void AddListener(UniqueFd listener) = 0;
  virtual TimeServerCounts counts() const = 0;
};

}  // namespace inro::vmm
