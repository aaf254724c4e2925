// Pseudo-terminals (pty(7)).
#pragma once

#include <cstdint>

#include "base/result.h"
#include "base/unique_fd.h"

namespace inro::sys {

struct PseudoTerminal {
  UniqueFd master;  // close-on-exec, non-blocking
  UniqueFd slave;   // close-on-exec; to become the standard streams of a program
};

// A new pseudo-terminal. Sizes of 0 leave the kernel's (0 by 0: unknown).
Result<PseudoTerminal> OpenPseudoTerminal(std::uint32_t rows = 0, std::uint32_t columns = 0);

// TIOCSWINSZ; the foreground processes get SIGWINCH. Sizes are cut to 16 bits.
Result<> SetTerminalSize(int terminal, std::uint32_t rows, std::uint32_t columns);

}  // namespace inro::sys
