// The user's own terminal, as a passage to another one.
#pragma once

#include <termios.h>

#include <cstdint>

#include "base/result.h"

namespace inro::sys {

// A terminal in raw mode (cfmakeraw(3)) while it lives.
class RawTerminal {
 public:
  static Result<RawTerminal> Enter(int fd);
  RawTerminal(RawTerminal&& other) noexcept;
  RawTerminal& operator=(RawTerminal&&) = delete;
  ~RawTerminal();

 private:
  RawTerminal(int fd, const termios& before) : fd_(fd), before_(before) {}
  int fd_ = -1;
  termios before_{};
};

struct TerminalSize {
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;
};
// 0 by 0 when it is not known.
TerminalSize SizeOfTerminal(int fd);

}  // namespace inro::sys
