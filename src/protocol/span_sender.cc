#include "protocol/span_sender.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include <cerrno>
#include <cstring>

#include "protocol/trace_context.h"

namespace inro::protocol {

std::uint64_t MonotonicNanoseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

void SpanSender::Send(Span span) {
  if (lost_ > said_lost_) {
    span.attributes.push_back(
        Attribute("inro.lost_before", static_cast<std::int64_t>(lost_ - said_lost_)));
    said_lost_ = lost_;
  }
  std::string bytes = Encode(span);
  if (bytes.size() > kTraceDatagramLimit) {
    span.dropped_attributes_count = static_cast<std::uint32_t>(span.attributes.size());
    span.attributes.clear();
    span.events.clear();
    span.name.resize(std::min(span.name.size(), std::size_t{256}));
    if (span.status) span.status->message.clear();
    bytes = Encode(span);
  }
  kept_bytes_ += bytes.size();
  kept_.push_back(std::move(bytes));
  Flush();
  while (kept_.size() > kMostSpans || kept_bytes_ > kMostBytes) {
    kept_bytes_ -= kept_.front().size();
    kept_.pop_front();
    ++lost_;
  }
}

bool SpanSender::Flush() {
  while (!kept_.empty()) {
    if (!SendOne(kept_.front())) return false;
    kept_bytes_ -= kept_.front().size();
    kept_.pop_front();
  }
  return true;
}

bool SpanSender::SendOne(const std::string& bytes) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (!socket_) {
      UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      if (socket_path_.size() >= sizeof address.sun_path) return false;
      std::memcpy(address.sun_path, socket_path_.data(), socket_path_.size());
      const auto* name = reinterpret_cast<const sockaddr*>(&address);
      if (!socket || ::connect(socket.get(), name, sizeof address) != 0) return false;
      socket_ = std::move(socket);
    }
    const ssize_t sent =
        ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) return true;
    if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS) return false;
    // The role went away and may have come back: a new socket, once.
    socket_.reset();
  }
  return false;
}

}  // namespace inro::protocol
