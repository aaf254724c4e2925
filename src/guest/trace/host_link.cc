#include "guest/trace/host_link.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "protocol/trace_message.h"

namespace inro::guest::trace {

HostLink::~HostLink() {
  Close();
  loop_.Cancel(timer_);
}

void HostLink::SetTimer(Milliseconds after, std::function<void()> action) {
  loop_.Cancel(timer_);
  timer_ = loop_.At(wire::Loop::Clock::now() + after, [this, action = std::move(action)] {
    timer_ = 0;
    action();
  });
}

void HostLink::Kick() {
  if (state_ != State::kIdle || buffer_.empty()) return;
  state_ = State::kGathering;
  SetTimer(hurry_ ? Milliseconds(0) : kGather, [this] { Advance(); });
}

void HostLink::Hurry(std::function<void()> done) {
  hurry_ = true;
  done_ = std::move(done);
  pause_ = kFirstPause;
  if (state_ == State::kAsking || state_ == State::kConnecting) return;
  loop_.Cancel(timer_);
  timer_ = 0;
  Advance();
}

void HostLink::Advance() {
  state_ = State::kIdle;
  if (buffer_.empty()) {
    if (done_) std::exchange(done_, nullptr)();
    return;
  }
  if (socket_) return Ask();
  Connect();
}

void HostLink::Connect() {
  state_ = State::kConnecting;
  auto socket = dial_();
  if (!socket) return Fail(socket.error().ToString());
  socket_ = std::move(*socket);
  watch_ = loop_.Watch(socket_.get(), EPOLLOUT, [this](std::uint32_t events) { Ready(events); });
  if (watch_ == 0) return Fail("the connection cannot be watched");
  SetTimer(kAnswerLimit, [this] { Fail("the host does not take the connection"); });
}

void HostLink::Ready(std::uint32_t events) {
  switch (state_) {
    case State::kConnecting: {
      int error = 0;
      socklen_t size = sizeof error;
      ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
      if (error != 0) return Fail(std::strerror(error));
      if ((events & EPOLLOUT) == 0) return;
      return Ask();
    }
    case State::kAsking:
      if ((events & EPOLLIN) != 0) return ReadSome();
      if ((events & (EPOLLERR | EPOLLHUP)) != 0) return Fail("the host closed the connection");
      if ((events & EPOLLOUT) != 0) WriteSome();
      return;
    default:
      // A held connection that says anything is at its end.
      Close();
  }
}

void HostLink::Ask() {
  const std::vector<std::string>& batch = buffer_.TakeBatch();
  if (batch.empty()) return Advance();
  state_ = State::kAsking;
  const std::string body = body_(batch);
  out_ = fmt::format("POST {} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: inro-guest/" INRO_VERSION
                     "\r\nContent-Type: application/x-protobuf\r\nContent-Length: {}\r\n\r\n",
                     protocol::kTracePath, body.size());
  out_ += body;
  written_ = 0;
  answer_.emplace();
  SetTimer(kAnswerLimit, [this] { Fail("the host does not answer"); });
  WriteSome();
}

void HostLink::WriteSome() {
  while (written_ < out_.size()) {
    const ssize_t sent = ::send(socket_.get(), out_.data() + written_, out_.size() - written_,
                                MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno != EAGAIN) return Fail(std::strerror(errno));
    if (sent < 0) return loop_.Change(watch_, EPOLLIN | EPOLLOUT);
    written_ += static_cast<std::size_t>(sent);
  }
  loop_.Change(watch_, EPOLLIN);
}

void HostLink::ReadSome() {
  std::array<char, 4096> bytes;
  const ssize_t got = ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return Fail("the host closed the connection");
  switch (answer_->Take({bytes.data(), static_cast<std::size_t>(got)})) {
    case HttpAnswer::State::kReading:
      return;
    case HttpAnswer::State::kMalformed:
      return Fail("the host's answer is not HTTP");
    case HttpAnswer::State::kDone:
      return Answered();
  }
}

void HostLink::Answered() {
  loop_.Cancel(timer_);
  timer_ = 0;
  const int status = answer_->status();
  if (IsRetryable(status)) return Fail(fmt::format("the host answers {}", status));
  if (status >= 200 && status < 300) {
    acknowledged_(buffer_.in_flight());
    buffer_.Acknowledge();
    last_error_.clear();
  } else {
    last_error_ = fmt::format("the host refuses spans: {}", status);
    buffer_.Refuse();
  }
  const std::size_t request_size = out_.size();
  out_.clear();
  if (out_.capacity() > 65536) out_.shrink_to_fit();
  pause_ = kFirstPause;
  // An answer to a request that was not all sent ends the connection.
  if (!answer_->keep_alive() || written_ < request_size) Close();
  Advance();
}

void HostLink::Fail(std::string why) {
  ++failures_;
  last_error_ = std::move(why);
  Close();
  buffer_.Return();
  state_ = State::kPausing;
  const Milliseconds pause = pause_;
  pause_ = std::min(pause_ * 2, hurry_ ? kFirstPause * 4 : kLongestPause);
  SetTimer(pause, [this] { Advance(); });
}

void HostLink::Close() {
  if (watch_ != 0) loop_.Unwatch(watch_);
  watch_ = 0;
  socket_.reset();
}

}  // namespace inro::guest::trace
