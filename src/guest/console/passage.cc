#include "guest/console/passage.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>

namespace inro::guest::console {
namespace {

constexpr char kEndOfTransmission = 4;  // Ctrl-D
constexpr int kLookAgainMs = 300;

// One direction.
struct Lane {
  int from;
  int to;
  std::array<char, 65536> bytes;
  std::size_t start = 0;
  std::size_t end = 0;
  bool ended = false;  // nothing comes any more

  bool empty() const { return start == end; }

  // False when the far end is gone.
  bool Drain() {
    while (!empty()) {
      const ssize_t sent = ::write(to, bytes.data() + start, end - start);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0) return errno == EAGAIN;
      start += static_cast<std::size_t>(sent);
    }
    start = end = 0;
    return true;
  }

  void Fill() {
    if (!empty() || ended) return;
    const ssize_t got = ::read(from, bytes.data(), bytes.size());
    if (got > 0) end = static_cast<std::size_t>(got);
    // EIO from a terminal: its last user is gone.
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) ended = true;
  }
};

// On vsock a peer that has gone altogether looks like one that only says no more, until something
// is sent to it: here, nothing.
bool TakesNothingMore(int connection) {
  return ::send(connection, "", 0, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
         (errno == EPIPE || errno == ENOTCONN || errno == ECONNRESET);
}

}  // namespace

void Pass(int connection, int terminal, int child, int patience) {
  Lane typed{connection, terminal, {}};
  Lane shown{terminal, connection, {}};
  bool child_ended = false;
  bool end_typed = false;
  while (true) {
    const auto events = [](const Lane& in, const Lane& out) {
      return static_cast<short>((in.empty() && !in.ended ? POLLIN : 0) |
                                (out.empty() ? 0 : POLLOUT));
    };
    std::array<pollfd, 3> waiting{};
    waiting[0] = {connection, events(typed, shown), 0};
    waiting[1] = {terminal, events(shown, typed), 0};
    waiting[2] = {child_ended ? -1 : child, POLLIN, 0};
    // A hang-up of the terminal is reported whatever is asked for, and cannot be taken up while the
    // peer does not read.
    if (waiting[1].events == 0) waiting[1].fd = -1;
    // A peer that reads nothing holds up its own shell, but not for ever once that has ended.
    const bool unsure = typed.ended || !typed.empty();
    const int limit = child_ended ? patience : unsure ? kLookAgainMs : -1;
    const int ready = ::poll(waiting.data(), waiting.size(), limit);
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0 || (ready == 0 && child_ended)) return;
    if (waiting[2].revents != 0) child_ended = true;
    typed.Fill();
    shown.Fill();
    const bool hung_up = (waiting[0].revents & (POLLERR | POLLHUP)) != 0;
    if ((typed.ended || !typed.empty()) && (hung_up || TakesNothingMore(connection))) return;
    // One that only says no more (a half-close) still wants the answers: to the shell it is Ctrl-D.
    // A shell that was just then changing the mode of its terminal has missed it: again after a
    // while.
    if (typed.ended && typed.empty() && (!end_typed || ready == 0)) {
      end_typed = true;
      typed.bytes[0] = kEndOfTransmission;
      typed.end = 1;
    }
    if (!typed.Drain()) typed.start = typed.end = 0;
    if (!shown.Drain()) return;
    if (shown.ended && shown.empty()) return;
    if (child_ended && shown.empty()) {
      shown.Fill();
      if (shown.empty()) return;
    }
  }
}

}  // namespace inro::guest::console
