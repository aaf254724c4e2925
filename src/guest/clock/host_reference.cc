#include "guest/clock/host_reference.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>

#include "protocol/time_message.h"

namespace inro::guest::clock {
namespace {

// Of the guest's monotonic clock, which stands still while the guest is paused.
constexpr std::chrono::milliseconds kConnectLimit{1000};
constexpr timeval kAnswerLimit{.tv_sec = 1, .tv_usec = 0};

}  // namespace

Result<> HostReference::Connect() {
  INRO_ASSIGN(socket_, wire::Connect(host_, kConnectLimit));
  for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO}) {
    ::setsockopt(socket_.get(), SOL_SOCKET, option, &kAnswerLimit, sizeof kAnswerLimit);
  }
  return {};
}

Result<Reading> HostReference::Exchange() {
  protocol::TimeMessage request{.sequence = ++sequence_};
  request.t1 = clock_.Realtime();
  protocol::TimeBytes bytes = Encode(request);
  if (::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(bytes.size())) {
    return FailErrno("ask the host for the time");
  }
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got = ::recv(socket_.get(), bytes.data() + filled, bytes.size() - filled, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FailErrno("read the host's time");
    if (got == 0) return FailAs(ErrorKind::kClosed, "the host's time server hung up");
    filled += static_cast<std::size_t>(got);
  }
  const std::int64_t t4 = clock_.Realtime();
  const auto answer = protocol::ParseTimeMessage(bytes);
  if (!answer || answer->kind != protocol::TimeMessage::Kind::kAnswer ||
      answer->sequence != request.sequence || answer->t1 != request.t1) {
    return Fail("the host's time server answered something else");
  }
  const auto [offset, round_trip] = protocol::OffsetOf(answer->t1, answer->t2, answer->t3, t4);
  return Reading{.offset = offset,
                 .round_trip = round_trip,
                 .local = t4,
                 .reference_synchronised = (answer->flags & protocol::kHostIsSynchronised) != 0};
}

Result<Reading> HostReference::Read() {
  if (socket_) {
    if (auto reading = Exchange()) return reading;
    // The host's end may have come back meanwhile: one more try, by a new stream.
    socket_.reset();
  }
  INRO_TRY(Connect());
  auto reading = Exchange();
  if (!reading) socket_.reset();
  return reading;
}

}  // namespace inro::guest::clock
