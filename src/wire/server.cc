#include "wire/server.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <deque>
#include <optional>

namespace inro::wire {
namespace {

constexpr std::chrono::milliseconds kAcceptPause(100);

}  // namespace

// The way back from a Responder to its server, cut when the server goes away.
struct Responder::Route {
  std::mutex mutex;
  Loop* loop = nullptr;      // under mutex; null when the server is gone
  Server* server = nullptr;  // used on the loop's thread only
};

Responder::Responder(std::shared_ptr<Route> route) : route_(std::move(route)) {}
Responder::Responder(Responder&&) noexcept = default;

Responder& Responder::operator=(Responder&& other) noexcept {
  if (this != &other) {
    if (route_) Fail(Code::kInternal, "no answer was given");
    route_ = std::move(other.route_);
    connection_ = other.connection_;
    stream_ = other.stream_;
  }
  return *this;
}

Responder::~Responder() {
  if (route_) Fail(Code::kInternal, "no answer was given");
}

void Responder::Reply(std::string payload) { Send({.status = {}, .payload = std::move(payload)}); }

void Responder::Fail(Code code, std::string message) {
  Send({.status = {.code = code, .message = std::move(message)}, .payload = {}});
}

void Responder::Send(Response response) {
  const std::shared_ptr<Route> route = std::move(route_);
  route_.reset();
  if (!route) return;
  {
    const std::lock_guard lock(route->mutex);
    if (route->loop == nullptr) return;
    if (!route->loop->OnThread()) {
      route->loop->Post(
          [route, connection = connection_, stream = stream_, answer = std::move(response)] {
            if (route->server != nullptr) route->server->Answer(connection, stream, answer);
          });
      return;
    }
  }
  route->server->Answer(connection_, stream_, response);
}

struct Server::Outstanding {
  std::size_t bytes = 0;
  Loop::Token timer = 0;
  std::unique_ptr<FinishedCall> record;  // only while somebody wants to know
};

struct Server::Connection {
  std::uint64_t id = 0;
  UniqueFd socket;
  Loop::Token watch = 0;
  FrameReader reader;
  std::string unread;  // input that waits while the connection is held back
  bool resuming = false;
  std::map<std::uint32_t, Outstanding> calls;
  std::size_t call_bytes = 0;
  std::deque<std::string> out;
  std::size_t out_bytes = 0;
  std::size_t out_taken = 0;  // of out.front()
  std::uint32_t events = EPOLLIN;
};

Server::Server(Loop& loop, std::vector<Method> methods, const Limits& limits)
    : loop_(loop),
      methods_(std::move(methods)),
      limits_(limits),
      route_(std::make_shared<Responder::Route>()),
      workers_({.max_threads = limits.worker_threads}) {
  route_->loop = &loop;
  route_->server = this;
}

Server::~Server() {
  {
    const std::lock_guard lock(route_->mutex);
    route_->loop = nullptr;
  }
  route_->server = nullptr;
  on_closed_ = nullptr;
  while (!connections_.empty()) Close(connections_.begin()->first);
  for (const Listener& listener : listeners_) {
    loop_.Cancel(listener.pause);
    loop_.Unwatch(listener.watch);
  }
}

Result<> Server::Serve(UniqueFd listener, PeerPolicy policy) {
  const std::size_t index = listeners_.size();
  const Loop::Token watch = loop_.Watch(
      listener.get(), EPOLLIN,
      [this, index, accepts = std::move(policy)](std::uint32_t) { AcceptAll(index, accepts); });
  if (watch == 0) return FailErrno("watch a listener");
  listeners_.push_back({std::move(listener), watch, 0});
  return {};
}

void Server::AcceptAll(std::size_t index, const PeerPolicy& policy) {
  Listener& listener = listeners_[index];
  while (true) {
    Peer peer;
    Result<UniqueFd> socket = Accept(listener.socket.get(), peer);
    if (!socket) {
      // Out of descriptors, most likely: the waiting peer would wake the loop at once again.
      loop_.Change(listener.watch, 0);
      listener.pause = loop_.At(Loop::Clock::now() + kAcceptPause, [this, index] {
        listeners_[index].pause = 0;
        loop_.Change(listeners_[index].watch, EPOLLIN);
      });
      return;
    }
    if (!*socket) return;
    if (!policy(peer) || connections_.size() >= limits_.connections ||
        !AddConnection(std::move(*socket))) {
      ++refused_;
    }
  }
}

Result<> Server::AddConnection(UniqueFd socket) {
  auto connection = std::make_unique<Connection>();
  connection->id = next_connection_++;
  connection->socket = std::move(socket);
  const std::uint64_t id = connection->id;
  connection->watch = loop_.Watch(connection->socket.get(), connection->events,
                                  [this, id](std::uint32_t events) { Ready(id, events); });
  if (connection->watch == 0) return FailErrno("watch a connection");
  connections_.emplace(id, std::move(connection));
  return {};
}

void Server::Ready(std::uint64_t id, std::uint32_t events) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  Connection& connection = *found->second;
  if ((events & EPOLLOUT) != 0 && !Flush(connection)) return Close(id);
  if ((events & (EPOLLERR | EPOLLHUP)) != 0 && (events & EPOLLIN) == 0) return Close(id);
  if ((events & EPOLLIN) != 0) ReadSome(connection);
  if (const auto still = connections_.find(id); still != connections_.end()) {
    if (!Flush(*still->second)) return Close(id);
    Rearm(*still->second);
  }
  CheckDrained();
}

void Server::Resume(std::uint64_t id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  found->second->resuming = false;
  Ready(id, EPOLLIN);
}

void Server::ReadSome(Connection& connection) {
  if (!connection.unread.empty()) {
    const std::string bytes = std::exchange(connection.unread, {});
    return TakeBytes(connection, bytes);
  }
  // One chunk a turn: other connections get theirs, and the level-triggered watch calls again.
  std::array<char, 65536> chunk;
  const ssize_t got = ::recv(connection.socket.get(), chunk.data(), chunk.size(), 0);
  if (got > 0) {
    return TakeBytes(connection, {chunk.data(), static_cast<std::size_t>(got)});
  }
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  // A client that has half-closed sends no more, and ttrpc has no use for such a connection.
  Close(connection.id);
}

void Server::TakeBytes(Connection& connection, std::string_view bytes) {
  dispatching_ = connection.id;
  while (!HeldBack(connection)) {
    FrameReader::Frame frame;
    if (!connection.reader.Take(bytes, frame)) break;
    Dispatch(connection, std::move(frame));
  }
  dispatching_ = 0;
  connection.unread = bytes;
}

void Server::Dispatch(Connection& connection, FrameReader::Frame frame) {
  const std::uint32_t stream = frame.header.stream;
  const auto refuse = [&](Code code, std::string message) {
    Queue(connection, stream, {.status = {code, std::move(message)}, .payload = {}});
  };
  if (frame.too_long) {
    return refuse(Code::kResourceExhausted, fmt::format("message length {} exceeds the limit of {}",
                                                        frame.header.length, kFrameDataLimit));
  }
  const bool busy = connection.calls.contains(stream);
  if (frame.header.type != static_cast<std::uint8_t>(FrameType::kRequest)) {
    // Data belongs to streaming calls, which no service here has; a Response is not a client's.
    if (frame.header.type == static_cast<std::uint8_t>(FrameType::kData) && !busy) {
      refuse(Code::kInvalidArgument, "data for a stream that is not open");
    }
    return;
  }
  if (stream % 2 == 0) return refuse(Code::kInvalidArgument, "a client's stream id must be odd");
  if (busy) return refuse(Code::kInvalidArgument, "this stream id is in use");
  Call call;
  call.connection = connection.id;
  if (!Decode(frame.data, call.request)) {
    return refuse(Code::kInvalidArgument, "malformed request envelope");
  }
  const Method* method = nullptr;
  for (const Method& candidate : methods_) {
    if (candidate.service == call.request.service && candidate.name == call.request.method) {
      method = &candidate;
    }
  }
  if (method == nullptr) {
    return refuse(Code::kUnimplemented, fmt::format("/{}/{} is not supported", call.request.service,
                                                    call.request.method));
  }

  Outstanding outstanding{.bytes = frame.data.size(), .timer = 0, .record = nullptr};
  if (on_finished_) {
    outstanding.record = std::make_unique<FinishedCall>(FinishedCall{call.request.service,
                                                                     call.request.method,
                                                                     call.request.metadata,
                                                                     Loop::Clock::now(),
                                                                     {},
                                                                     {}});
  }
  frame.data = {};
  if (call.request.timeout_nano > 0) {
    const auto now = Loop::Clock::now();
    const std::chrono::nanoseconds timeout(call.request.timeout_nano);
    if (timeout < Loop::Clock::time_point::max() - now) {
      call.deadline = now + timeout;
      outstanding.timer = loop_.At(call.deadline, [this, id = connection.id, stream] {
        Answer(id, stream,
               {.status = {Code::kDeadlineExceeded, "context deadline exceeded"}, .payload = {}});
      });
    }
  }
  connection.call_bytes += outstanding.bytes;
  connection.calls.emplace(stream, std::move(outstanding));
  Responder responder(route_);
  responder.connection_ = connection.id;
  responder.stream_ = stream;
  if (method->run == Method::Run::kLoop) {
    method->handler(std::move(call), std::move(responder));
    return;
  }
  // std::function wants a copyable callable; a Responder can only be moved.
  auto work = std::make_shared<std::pair<Call, Responder>>(std::move(call), std::move(responder));
  workers_.Submit(
      [method, work] { method->handler(std::move(work->first), std::move(work->second)); });
}

void Server::Answer(std::uint64_t id, std::uint32_t stream, const Response& response) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  Connection& connection = *found->second;
  const auto call = connection.calls.find(stream);
  if (call == connection.calls.end()) return;  // its deadline has answered
  connection.call_bytes -= call->second.bytes;
  loop_.Cancel(call->second.timer);
  Finish(call->second, response.status);
  connection.calls.erase(call);
  Queue(connection, stream, response);
  if (dispatching_ == id) return;  // Ready() flushes when it has given out what it read
  if (!Flush(connection)) return Close(id);
  Rearm(connection);
  CheckDrained();
}

void Server::Queue(Connection& connection, std::uint32_t stream, const Response& response) {
  std::string data = Encode(response);
  if (data.size() > kFrameDataLimit) {
    data = Encode(
        Response{.status = {Code::kResourceExhausted, "the answer is over the message limit"},
                 .payload = {}});
  }
  connection.out.push_back(EncodeFrame(FrameType::kResponse, stream, data));
  connection.out_bytes += connection.out.back().size();
}

bool Server::Flush(Connection& connection) {
  while (!connection.out.empty()) {
    const std::string& front = connection.out.front();
    const ssize_t sent = ::send(connection.socket.get(), front.data() + connection.out_taken,
                                front.size() - connection.out_taken, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno == EAGAIN;
    connection.out_taken += static_cast<std::size_t>(sent);
    if (connection.out_taken < front.size()) continue;
    connection.out_bytes -= front.size();
    connection.out_taken = 0;
    connection.out.pop_front();
  }
  return true;
}

bool Server::HeldBack(const Connection& connection) const {
  return connection.calls.size() >= limits_.calls ||
         connection.call_bytes + connection.out_bytes >= limits_.bytes;
}

void Server::Rearm(Connection& connection) {
  std::uint32_t events = 0;
  if (!HeldBack(connection) && connection.unread.empty()) events |= EPOLLIN;
  if (!HeldBack(connection) && !connection.unread.empty() && !connection.resuming) {
    connection.resuming = true;
    loop_.Post([route = route_, id = connection.id] {
      if (route->server != nullptr) route->server->Resume(id);
    });
  }
  if (!connection.out.empty()) events |= EPOLLOUT;
  if (events == connection.events) return;
  connection.events = events;
  loop_.Change(connection.watch, events);
}

void Server::Close(std::uint64_t id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  for (auto& [stream, call] : found->second->calls) {
    loop_.Cancel(call.timer);
    Finish(call, {Code::kCancelled, "the connection ended"});
  }
  loop_.Unwatch(found->second->watch);
  connections_.erase(found);
  if (on_closed_) on_closed_(id);
}

void Server::Finish(Outstanding& call, Status status) {
  if (!on_finished_ || !call.record) return;
  call.record->end = Loop::Clock::now();
  call.record->status = std::move(status);
  on_finished_(*call.record);
  call.record.reset();
}

void Server::WhenDrained(std::function<void()> idle) {
  when_drained_ = std::move(idle);
  CheckDrained();
}

bool Server::Drained() const {
  for (const auto& [id, connection] : connections_) {
    if (!connection->out.empty()) return false;
  }
  return true;
}

void Server::CheckDrained() {
  // Posted, so that the callback may destroy the server.
  if (when_drained_ && Drained()) loop_.Post(std::exchange(when_drained_, nullptr));
}

}  // namespace inro::wire
