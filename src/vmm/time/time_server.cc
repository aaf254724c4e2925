#include "vmm/time/time_server.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timex.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <list>
#include <thread>

#include "protocol/time_message.h"
#include "wire/address.h"
#include "wire/loop.h"

namespace inro::vmm {
namespace {

// A guest has one request under way; more in one go is somebody who never waits.
constexpr int kRequestsAtOnce = 64;

class LoopTimeServer final : public TimeServer {
 public:
  LoopTimeServer(std::unique_ptr<wire::Loop> loop, TimeServerOptions options)
      : options_(std::move(options)), loop_(std::move(loop)) {}

  ~LoopTimeServer() override {
    loop_->Stop();
    if (thread_.joinable()) thread_.join();
  }

  void Run(std::vector<UniqueFd> listeners) {
    for (UniqueFd& listener : listeners) Listen(std::move(listener));
    thread_ = std::thread([this] { loop_->Run(); });
  }

  void AddListener(UniqueFd listener) override {
    loop_->Post([this, held = std::make_shared<UniqueFd>(std::move(listener))] {
      Listen(std::move(*held));
    });
  }

  TimeServerCounts counts() const override { return {accepted_, answers_, refused_}; }

 private:
  struct Connection {
    UniqueFd socket;
    wire::Loop::Token watch = 0;
    protocol::TimeBytes bytes{};
    std::size_t filled = 0;
  };
  using Place = std::list<Connection>::iterator;

  void Listen(UniqueFd listener) {
    const int fd = listener.get();
    listeners_.push_back(std::move(listener));
    loop_->Watch(fd, EPOLLIN, [this, fd](std::uint32_t) { AcceptAll(fd); });
  }

  void AcceptAll(int listener) {
    while (true) {
      wire::Peer peer;
      auto socket = wire::Accept(listener, peer);
      if (!socket) {
        // Out of descriptors or the like: who connects waits in the queue, and the loop must not
        // come back at once.
        PauseAccepting();
        return;
      }
      if (!*socket) return;
      ++accepted_;
      if (connections_.size() >= options_.connections) Refuse(connections_.begin());
      const Place place = connections_.emplace(connections_.end());
      place->socket = std::move(*socket);
      place->watch = loop_->Watch(place->socket.get(), EPOLLIN,
                                  [this, place](std::uint32_t) { Ready(place); });
      if (place->watch == 0) connections_.erase(place);
    }
  }

  void PauseAccepting() {
    if (!connections_.empty()) return Refuse(connections_.begin());
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }

  // Connections are in the order of their last request: the first was silent longest.
  void Ready(Place place) {
    for (int served = 0; served < kRequestsAtOnce; ++served) {
      const ssize_t got = ::recv(place->socket.get(), place->bytes.data() + place->filled,
                                 place->bytes.size() - place->filled, MSG_DONTWAIT);
      // At once: every microsecond from here on is an error of the guest's clock.
      const HostTime received = options_.clock();
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) return;
      if (got <= 0) return Close(place);
      place->filled += static_cast<std::size_t>(got);
      if (place->filled < place->bytes.size()) return;
      place->filled = 0;
      auto message = protocol::ParseTimeMessage(place->bytes);
      if (!message || message->kind != protocol::TimeMessage::Kind::kRequest) return Refuse(place);
      if (!Answer(*place, *message, received)) return Refuse(place);
      connections_.splice(connections_.end(), connections_, place);
    }
  }

  bool Answer(Connection& connection, protocol::TimeMessage message, const HostTime& received) {
    message.kind = protocol::TimeMessage::Kind::kAnswer;
    message.t2 = received.nanoseconds;
    message.flags = received.synchronised ? protocol::kHostIsSynchronised : 0;
    message.t3 = options_.clock().nanoseconds;
    const protocol::TimeBytes bytes = Encode(message);
    // Counted first: whoever has an answer finds it in the counts.
    ++answers_;
    // A peer that does not take 48 bytes has not taken thousands of answers.
    const bool sent = ::send(connection.socket.get(), bytes.data(), bytes.size(),
                             MSG_NOSIGNAL | MSG_DONTWAIT) == static_cast<ssize_t>(bytes.size());
    if (!sent) --answers_;
    return sent;
  }

  void Refuse(Place place) {
    ++refused_;
    Close(place);
  }

  void Close(Place place) {
    loop_->Unwatch(place->watch);
    connections_.erase(place);
  }

  const TimeServerOptions options_;
  std::unique_ptr<wire::Loop> loop_;
  std::vector<UniqueFd> listeners_;
  std::list<Connection> connections_;
  std::atomic<std::uint64_t> accepted_ = 0;
  std::atomic<std::uint64_t> answers_ = 0;
  std::atomic<std::uint64_t> refused_ = 0;
  std::thread thread_;
};

}  // namespace

HostTime ReadHostClock() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  timex state{};  // no modes: only asks
  const int status = ::adjtimex(&state);
  return {.nanoseconds = static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec,
          .synchronised = status >= 0 && status != TIME_ERROR && (state.status & STA_UNSYNC) == 0};
}

Result<std::unique_ptr<TimeServer>> TimeServer::Start(std::vector<UniqueFd> listeners,
                                                      TimeServerOptions options) {
  INRO_ASSIGN(auto loop, wire::Loop::Create());
  auto server = std::make_unique<LoopTimeServer>(std::move(loop), std::move(options));
  server->Run(std::move(listeners));
  return server;
}

}  // namespace inro::vmm
