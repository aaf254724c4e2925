// Type=dbus: a child that waits until a name is owned on the system's bus, or until it no longer
// is, so that PID 1 reads no bytes of the bus (D-Bus Specification, "Message Bus Messages").
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "guest/init/kernel_log.h"
#include "guest/init/service_host.h"

namespace inro::guest {

inline constexpr const char* kSystemBus = "/run/dbus/system_bus_socket";

// Forks the child: it ends with 0 when it is as `wanted`, with 1 (and a line in the log) when the
// bus cannot be asked, or hangs up. Nobody but the caller ends it before. It has no descriptor of
// the caller but the log's.
Result<pid_t> BeginBusNameWait(const std::string& name, BusNameState wanted, KernelLog& log);

// What the child does: `fd` is a blocking stream that the bus has accepted. Returns when the name
// is as `wanted`, which it may be at once; an error when the bus refuses or hangs up.
Result<> WaitForBusNameOn(int fd, std::string_view name, BusNameState wanted);

struct BusMessage {
  enum class Kind { kOther, kReply, kError, kOwnerChanged };
  Kind kind = Kind::kOther;
  std::uint32_t reply_to = 0;
  std::optional<bool> yes;  // the first value of a reply, when it is a boolean
  std::string name;         // kOwnerChanged: whose owner
  bool has_owner = false;   // and whether there is one now
};
// The number of bytes of the message that begins at `bytes`, which holds 16 at least. Errors: not a
// message, or one over a mebibyte.
Result<std::size_t> BusMessageSize(std::string_view bytes);
// A whole message. Little endian alone: the bus of one machine has one order.
Result<BusMessage> ParseBusMessage(std::string_view bytes);

}  // namespace inro::guest
