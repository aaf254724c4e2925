#include "vmm/host/trace_receiver.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <map>

#include "vmm/host/trace_stream.h"
#include "wire/address.h"
#include "wire/loop.h"

namespace inro::vmm {
namespace {

constexpr std::size_t kMostConnections = 64;
constexpr std::size_t kMostReply = 65536;
constexpr std::chrono::milliseconds kAcceptPause{100};

struct Connection {
  Connection(UniqueFd fd, TraceStream::Take take)
      : socket(std::move(fd)), stream(std::move(take)) {}

  UniqueFd socket;
  wire::Loop::Token watch = 0;
  TraceStream stream;
  std::string out;
  std::uint64_t malformed_said = 0;
};

class LoopReceiver final : public TraceReceiver {
 public:
  LoopReceiver(std::unique_ptr<wire::Loop> loop, UniqueFd listener, TraceSink& sink, Accept accept)
      : loop_(std::move(loop)),
        listener_(std::move(listener)),
        sink_(sink),
        accept_(std::move(accept)) {}
  ~LoopReceiver() override { Stop(); }

  Result<> Begin() {
    watch_ = loop_->Watch(listener_.get(), EPOLLIN, [this](std::uint32_t) { AcceptAll(); });
    if (watch_ == 0) return FailErrno("watch the trace listener");
    thread_ = std::thread([this] { loop_->Run(); });
    return {};
  }

  void Stop() override {
    if (!thread_.joinable()) return;
    loop_->Post([this] {
      AcceptAll();
      // A read may close its connection.
      std::vector<std::uint64_t> ids;
      for (const auto& [id, connection] : connections_) ids.push_back(id);
      for (const std::uint64_t id : ids) {
        while (ReadSome(id)) {
        }
      }
      connections_.clear();
      loop_->Stop();
    });
    thread_.join();
  }

  TraceCounts counts() const override { return {connection_count_, requests_, spans_, malformed_}; }

 private:
  void AcceptAll() {
    while (true) {
      auto socket = accept_(listener_.get());
      if (!socket) return Pause();
      if (!*socket) return;
      ++connection_count_;
      if (connections_.size() >= kMostConnections) continue;  // closed at once
      const std::uint64_t id = next_id_++;
      auto connection = std::make_unique<Connection>(
          std::move(*socket), [this](const auto& request) { return Take(request); });
      connection->watch = loop_->Watch(connection->socket.get(), EPOLLIN,
                                       [this, id](std::uint32_t events) { Ready(id, events); });
      if (connection->watch != 0) connections_.emplace(id, std::move(connection));
    }
  }

  // Out of descriptors, most likely: whoever waits would wake the loop at once again.
  void Pause() {
    loop_->Change(watch_, 0);
    loop_->At(wire::Loop::Clock::now() + kAcceptPause, [this] { loop_->Change(watch_, EPOLLIN); });
  }

  bool Take(const protocol::ExportTraceRequest& request) {
    if (!sink_.Take(request)) return false;
    ++requests_;
    spans_ += SpanCount(request);
    return true;
  }

  void Ready(std::uint64_t id, std::uint32_t events) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) return;
    if ((events & EPOLLOUT) != 0 && !Flush(*found->second)) return Close(id);
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) ReadSome(id);
  }

  // False when there is nothing more to read now, or for ever.
  bool ReadSome(std::uint64_t id) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) return false;
    Connection& connection = *found->second;
    std::array<char, 65536> bytes;
    const ssize_t got = ::recv(connection.socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (got <= 0) {
      Close(id);
      return false;
    }
    connection.stream.Feed({bytes.data(), static_cast<std::size_t>(got)});
    malformed_ += connection.stream.malformed() - connection.malformed_said;
    connection.malformed_said = connection.stream.malformed();
    connection.out += connection.stream.TakeReply();
    if (!Flush(connection)) {
      Close(id);
      return false;
    }
    return true;
  }

  // False when the connection is at its end.
  bool Flush(Connection& connection) {
    while (!connection.out.empty()) {
      const ssize_t sent = ::send(connection.socket.get(), connection.out.data(),
                                  connection.out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0 && errno != EAGAIN) return false;
      if (sent < 0) break;
      connection.out.erase(0, static_cast<std::size_t>(sent));
    }
    if (connection.out.empty() && connection.stream.closing()) return false;
    // Who does not read its answers is not read from.
    const bool read = connection.out.size() < kMostReply && !connection.stream.closing();
    loop_->Change(connection.watch,
                  (read ? EPOLLIN : 0u) | (connection.out.empty() ? 0u : EPOLLOUT));
    return true;
  }

  void Close(std::uint64_t id) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) return;
    loop_->Unwatch(found->second->watch);
    connections_.erase(found);
  }

  const std::unique_ptr<wire::Loop> loop_;
  const UniqueFd listener_;
  TraceSink& sink_;
  const Accept accept_;
  wire::Loop::Token watch_ = 0;
  std::map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  std::uint64_t next_id_ = 1;
  std::atomic<std::uint64_t> connection_count_ = 0;
  std::atomic<std::uint64_t> requests_ = 0;
  std::atomic<std::uint64_t> spans_ = 0;
  std::atomic<std::uint64_t> malformed_ = 0;
  std::thread thread_;
};

Result<UniqueFd> AcceptAnyone(int listener) {
  wire::Peer peer;
  return wire::Accept(listener, peer);
}

}  // namespace

std::size_t SpanCount(const protocol::ExportTraceRequest& request) {
  std::size_t count = 0;
  for (const auto& group : request.resource_spans) {
    for (const auto& scope : group.scope_spans) count += scope.spans.size();
  }
  return count;
}

Result<std::unique_ptr<TraceReceiver>> TraceReceiver::Start(UniqueFd listener, TraceSink& sink,
                                                            Accept accept) {
  INRO_ASSIGN(auto loop, wire::Loop::Create());
  auto receiver = std::make_unique<LoopReceiver>(std::move(loop), std::move(listener), sink,
                                                 accept ? std::move(accept) : AcceptAnyone);
  INRO_TRY(receiver->Begin());
  return receiver;
}

}  // namespace inro::vmm
