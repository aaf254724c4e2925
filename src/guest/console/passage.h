// Bytes between a connection and the master of a pseudo-terminal.
#pragma once

#include "base/result.h"

namespace inro::guest::console {

// Moves bytes both ways until the connection ends or the terminal has no user any more; what the
// terminal's users wrote before is delivered first, unless the peer takes nothing for `patience`
// milliseconds. At most 64 KiB wait in each direction. Both descriptors are non-blocking; `child`
// is a pidfd (or -1): with its end the passage ends when the terminal has nothing more to say.
void Pass(int connection, int terminal, int child, int patience);

}  // namespace inro::guest::console
