// How a process without a controlling terminal gets one (tty_ioctl(4), TIOCSCTTY).
#pragma once

#include <cstdint>

namespace inro::sys {

// What becomes of a terminal that another session has.
enum class TerminalClaim : std::uint8_t {
  kTake,  // that session loses it; a process that may not do so goes without
  kFail,
  kWait,  // until it is free, however long
};

// Makes descriptor 0, a terminal, the controlling one of the calling process, which leads a session
// without one. 0, or the errno of what failed. kWait needs the terminal's path: when it becomes
// free, each of descriptors 0, 1 and 2 that is this terminal is opened anew, for the end of a
// session may hang up all that was open. Makes system calls alone.
int ClaimTerminal(TerminalClaim claim, const char* path);

}  // namespace inro::sys
