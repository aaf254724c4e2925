// What passes between a guest's owner and its supervisor: the supervisor's command line, and one
// text message a packet over their socket pair, from the supervisor to the owner:
//   "started PID NANOSECONDS"  QEMU's pid; the monotonic clock just before its exec
//   "failed TEXT"              QEMU or the device could not be started
//   "detached"                 the answer to "detach"
//   "exited REASON STATUS"     REASON: guest, killed, limit
// From the owner: "detach", or end of file: stop.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"
#include "vmm/guest/supervisor.h"

namespace inro::vmm {

inline constexpr std::string_view kSuperviseVerb = "__supervise-guest";
inline constexpr const char* kSupervisedVariable = "INRO_SUPERVISED";
// Descriptors in the supervisor.
inline constexpr int kSupervisorSocket = 3;
inline constexpr int kSupervisorLock = 4;
inline constexpr std::size_t kSupervisorMessageLimit = 4096;
inline constexpr std::string_view kDetachRequest = "detach";

struct SupervisorMessage {
  enum class Kind { kStarted, kFailed, kDetached, kExited } kind = Kind::kFailed;
  pid_t pid = -1;                   // kStarted
  std::chrono::nanoseconds time{};  // kStarted
  GuestExit exit;                   // kExited
  std::string text;                 // kFailed
};

// At most kSupervisorMessageLimit bytes; a longer text is cut.
std::string Encode(const SupervisorMessage& message);
Result<SupervisorMessage> ParseSupervisorMessage(std::string_view bytes);

}  // namespace inro::vmm
