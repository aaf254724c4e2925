#include "sys/pseudo_terminal.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

namespace inro::sys {

Result<PseudoTerminal> OpenPseudoTerminal(std::uint32_t rows, std::uint32_t columns) {
  PseudoTerminal terminal;
  terminal.master = UniqueFd(::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
  if (!terminal.master) return FailErrno("open /dev/ptmx");
  int locked = 0;
  if (::ioctl(terminal.master.get(), TIOCSPTLCK, &locked) != 0) {
    return FailErrno("unlock a pseudo-terminal");
  }
  // Not by its path: /dev/pts may be another instance, or not mounted at all.
  terminal.slave =
      UniqueFd(::ioctl(terminal.master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!terminal.slave) return FailErrno("open the other end of a pseudo-terminal");
  if (rows != 0 && columns != 0) {
    INRO_TRY(SetTerminalSize(terminal.master.get(), rows, columns));
  }
  return terminal;
}

Result<> SetTerminalSize(int terminal, std::uint32_t rows, std::uint32_t columns) {
  winsize size{};
  size.ws_row = static_cast<unsigned short>(std::min(rows, 0xffffu));
  size.ws_col = static_cast<unsigned short>(std::min(columns, 0xffffu));
  if (::ioctl(terminal, TIOCSWINSZ, &size) != 0) return FailErrno("set the size of a terminal");
  return {};
}

}  // namespace inro::sys
