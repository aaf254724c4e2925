#include "sys/raw_terminal.h"

#include <sys/ioctl.h>

#include <utility>

namespace inro::sys {

Result<RawTerminal> RawTerminal::Enter(int fd) {
  termios before{};
  if (::tcgetattr(fd, &before) != 0) return FailErrno("read the mode of the terminal");
  termios raw = before;
  ::cfmakeraw(&raw);
  if (::tcsetattr(fd, TCSADRAIN, &raw) != 0) return FailErrno("set the mode of the terminal");
  return RawTerminal(fd, before);
}

RawTerminal::RawTerminal(RawTerminal&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), before_(other.before_) {}

RawTerminal::~RawTerminal() {
  if (fd_ >= 0) ::tcsetattr(fd_, TCSADRAIN, &before_);
}

TerminalSize SizeOfTerminal(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0) return {};
  return {size.ws_row, size.ws_col};
}

}  // namespace inro::sys
