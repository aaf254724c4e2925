#include "wire/client.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <utility>

namespace inro::wire {
namespace {

int MillisecondsUntil(Client::Clock::time_point deadline) {
  const auto now = Client::Clock::now();
  if (deadline <= now) return 0;
  // Compared before the cast: time_point::max() means "no deadline".
  if (deadline - now > std::chrono::hours(24)) return 24 * 3600 * 1000;
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(deadline - now).count());
}

}  // namespace

Client::Client(UniqueFd socket) : socket_(std::move(socket)) {}
Client::~Client() = default;

Result<std::unique_ptr<Client>> Client::Connect(const Address& address,
                                                std::chrono::milliseconds timeout) {
  INRO_ASSIGN(UniqueFd socket, wire::Connect(address, timeout));
  return std::make_unique<Client>(std::move(socket));
}

bool Client::alive() const {
  const std::lock_guard lock(mutex_);
  return !broken_;
}

void Client::Break(Error error) {
  const std::lock_guard lock(mutex_);
  if (!broken_) broken_ = std::move(error);
  arrived_.notify_all();
}

Result<Client::Stream> Client::Start(const Request& request, Clock::time_point deadline) {
  const std::string data = Encode(request);
  if (data.size() > kFrameDataLimit) {
    return Fail("{}/{}: the request is over the limit of {} bytes", request.service, request.method,
                kFrameDataLimit);
  }
  // Held over the choice of the stream id and the sending: ids must rise on the wire.
  const std::lock_guard sending(send_mutex_);
  Stream stream = 0;
  {
    const std::lock_guard lock(mutex_);
    if (broken_) return std::unexpected(*broken_);
    stream = next_stream_;
    next_stream_ += 2;
    calls_.emplace(stream, std::nullopt);
  }
  if (auto sent = SendAll(EncodeFrame(FrameType::kRequest, stream, data), deadline); !sent) {
    Break(sent.error());
    return std::unexpected(sent.error());
  }
  return stream;
}

Result<> Client::Send(const Request& request, Clock::time_point deadline) {
  INRO_ASSIGN(const Stream stream, Start(request, deadline));
  const std::lock_guard lock(mutex_);
  calls_.erase(stream);
  return {};
}

void Client::Shutdown() {
  ::shutdown(socket_.get(), SHUT_RDWR);
  Break(Error(ErrorKind::kClosed, "ttrpc: the connection was ended"));
}

Result<> Client::SendAll(std::string_view bytes, Clock::time_point deadline) {
  while (!bytes.empty()) {
    const ssize_t sent =
        ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN) {
      pollfd waiting{.fd = socket_.get(), .events = POLLOUT, .revents = 0};
      if (::poll(&waiting, 1, MillisecondsUntil(deadline)) != 0) continue;
      return FailAs(ErrorKind::kTimeout, "ttrpc: the peer took no request in time");
    }
    if (errno == EPIPE || errno == ECONNRESET) {
      return FailAs(ErrorKind::kClosed, "ttrpc: the peer closed the connection");
    }
    return FailErrno("ttrpc: send");
  }
  return {};
}

Result<> Client::ReadSome(Clock::time_point deadline) {
  pollfd waiting{.fd = socket_.get(), .events = POLLIN, .revents = 0};
  const int ready = ::poll(&waiting, 1, MillisecondsUntil(deadline));
  if (ready == 0 || (ready < 0 && errno == EINTR)) return {};
  std::array<char, 65536> chunk;
  const ssize_t got = ::recv(socket_.get(), chunk.data(), chunk.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return {};
  if (got == 0 || (got < 0 && errno == ECONNRESET)) {
    return FailAs(ErrorKind::kClosed, "ttrpc: the peer closed the connection");
  }
  if (got < 0) return FailErrno("ttrpc: receive");
  std::string_view bytes(chunk.data(), static_cast<std::size_t>(got));
  for (FrameReader::Frame frame; reader_.Take(bytes, frame);) {
    Response response;
    if (frame.header.type != static_cast<std::uint8_t>(FrameType::kResponse)) continue;
    if (frame.too_long || !Decode(frame.data, response)) {
      response = {.status = {Code::kInternal, "malformed response"}, .payload = {}};
    }
    const std::lock_guard lock(mutex_);
    const auto call = calls_.find(frame.header.stream);
    if (call != calls_.end()) call->second = std::move(response);
  }
  return {};
}

Result<Response> Client::Finish(Stream stream, Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  while (true) {
    const auto call = calls_.find(stream);
    if (call == calls_.end()) return Fail("ttrpc: no such call: {}", stream);
    if (call->second || broken_ || Clock::now() >= deadline) {
      std::optional<Response> response = std::move(call->second);
      calls_.erase(call);
      if (response) return std::move(*response);
      if (broken_) return std::unexpected(*broken_);
      return FailAs(ErrorKind::kTimeout, "ttrpc: no answer in time");
    }
    if (reading_) {
      // time_point::max() overflows in wait_until of some clocks; a day is as good.
      arrived_.wait_until(lock, std::min(deadline, Clock::now() + std::chrono::hours(24)));
      continue;
    }
    reading_ = true;
    lock.unlock();
    auto read = ReadSome(deadline);
    if (!read) Break(std::move(read).error());
    lock.lock();
    reading_ = false;
    arrived_.notify_all();
  }
}

Result<Response> Client::Call(std::string_view service, std::string_view method,
                              std::string payload, std::chrono::milliseconds timeout) {
  Request request;
  request.service = service;
  request.method = method;
  request.payload = std::move(payload);
  request.timeout_nano = std::chrono::nanoseconds(timeout).count();
  const Clock::time_point deadline = Clock::now() + timeout;
  INRO_ASSIGN(const Stream stream, Start(request, deadline));
  return Finish(stream, deadline);
}

Result<std::string> Client::CallOk(std::string_view service, std::string_view method,
                                   std::string payload, std::chrono::milliseconds timeout) {
  Result<Response> response = Call(service, method, std::move(payload), timeout);
  if (!response) {
    return std::unexpected(response.error().Wrap(fmt::format("{}/{}", service, method)));
  }
  if (!response->status.ok()) {
    return Fail("{}/{}: {}: {}", service, method, CodeName(response->status.code),
                response->status.message);
  }
  return std::move(response->payload);
}

}  // namespace inro::wire
