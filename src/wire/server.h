// A ttrpc server: many connections, many outstanding calls on each, answers in any order.
//
// A connection is in one of two states: *reading*, or *held back*, when its outstanding calls or
// the bytes it has not taken yet reach their limit; then nothing more is read from it until it
// drains. So memory is bounded, and a slow client costs only itself. A call is *outstanding* from
// its Request frame to its one Response frame, which is the handler's answer or, when the client's
// timeout passes first, DEADLINE_EXCEEDED; an answer after that is dropped. When a connection ends,
// its calls end with it.
//
// What is wrong with one request is answered on its stream and leaves the connection alive: unknown
// service or method (UNIMPLEMENTED), malformed envelope or even or busy stream id
// (INVALID_ARGUMENT), frame over 4 MiB (RESOURCE_EXHAUSTED).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "wire/address.h"
#include "wire/loop.h"
#include "wire/ttrpc.h"
#include "wire/worker_pool.h"

namespace inro::wire {

class Server;

// The duty to answer one call. Movable; may be kept, moved to another thread and used there, also
// after the server is gone (the answer is then dropped). Destroyed without an answer, it answers
// INTERNAL.
class Responder {
 public:
  Responder(Responder&&) noexcept;
  Responder& operator=(Responder&&) noexcept;
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;
  ~Responder();

  void Reply(std::string payload);
  void Fail(Code code, std::string message);

 private:
  friend class Server;
  struct Route;
  explicit Responder(std::shared_ptr<Route> route);
  void Send(Response response);

  std::shared_ptr<Route> route_;
  std::uint64_t connection_ = 0;
  std::uint32_t stream_ = 0;
};

// What a handler gets to know.
struct Call {
  Request request;
  Loop::Clock::time_point deadline = Loop::Clock::time_point::max();
  std::uint64_t connection = 0;  // names the connection it came by; never reused
};

// A call that is over, for whoever keeps account of calls.
struct FinishedCall {
  std::string service;
  std::string method;
  Metadata metadata;  // of the request
  Loop::Clock::time_point start;
  Loop::Clock::time_point end;
  Status status;  // kCancelled when its connection ended before it was answered
};

struct Method {
  enum class Run {
    kLoop,    // on the server's thread: must not block
    kWorker,  // on a thread of its own while it runs
  };
  std::string_view service;
  std::string_view name;
  Run run = Run::kLoop;
  std::function<void(Call, Responder)> handler;
};

class Server {
 public:
  struct Limits {
    std::size_t connections = 64;
    std::size_t calls = 256;                   // outstanding, per connection
    std::size_t bytes = std::size_t{8} << 20;  // requests at work and answers not taken yet
    std::size_t worker_threads = 32;
  };
  using PeerPolicy = std::function<bool(const Peer&)>;

  // `loop` must outlive the server. The server lives on the loop's thread.
  Server(Loop& loop, std::vector<Method> methods) : Server(loop, std::move(methods), Limits()) {}
  Server(Loop& loop, std::vector<Method> methods, const Limits& limits);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  // Accepts from `listener`; peers that `policy` refuses are closed without a word.
  Result<> Serve(UniqueFd listener, PeerPolicy policy = GuestAccepts);
  // Takes over one connected, non-blocking stream socket.
  Result<> AddConnection(UniqueFd socket);
  // Calls `closed` on the loop with the name of each connection that has ended, so that what was
  // made for it can end too. A worker may still be at one of its calls.
  void OnClosed(std::function<void(std::uint64_t)> closed) { on_closed_ = std::move(closed); }
  // Calls `finished` on the loop for each call of a known method, just before its answer is sent.
  // Set before the first call; without it nothing is kept of calls.
  void OnFinished(std::function<void(const FinishedCall&)> finished) {
    on_finished_ = std::move(finished);
  }
  // Calls `idle` on the loop once, when no answer waits to be written any more.
  void WhenDrained(std::function<void()> idle);

  std::size_t connections() const { return connections_.size(); }
  std::uint64_t refused() const { return refused_; }

 private:
  friend class Responder;
  struct Connection;
  struct Outstanding;
  struct Listener {
    UniqueFd socket;
    Loop::Token watch = 0;
    Loop::Token pause = 0;  // the timer that ends a pause in accepting
  };

  void AcceptAll(std::size_t index, const PeerPolicy& policy);
  void Ready(std::uint64_t id, std::uint32_t events);
  void Resume(std::uint64_t id);
  void ReadSome(Connection& connection);
  void TakeBytes(Connection& connection, std::string_view bytes);
  void Dispatch(Connection& connection, FrameReader::Frame frame);
  void Answer(std::uint64_t connection, std::uint32_t stream, const Response& response);
  void Queue(Connection& connection, std::uint32_t stream, const Response& response);
  bool Flush(Connection& connection);  // false when the connection is broken
  void Rearm(Connection& connection);
  bool HeldBack(const Connection& connection) const;
  void Close(std::uint64_t id);
  void Finish(Outstanding& call, Status status);
  void CheckDrained();
  bool Drained() const;

  Loop& loop_;
  const std::vector<Method> methods_;
  const Limits limits_;
  std::shared_ptr<Responder::Route> route_;
  std::map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  std::vector<Listener> listeners_;
  std::uint64_t next_connection_ = 1;
  std::uint64_t refused_ = 0;
  std::uint64_t dispatching_ = 0;  // the connection whose requests are being given out, or 0
  std::function<void()> when_drained_;
  std::function<void(std::uint64_t)> on_closed_;
  std::function<void(const FinishedCall&)> on_finished_;
  WorkerPool workers_;  // last: its threads end before anything they use
};

}  // namespace inro::wire
