// The host's sockets: handshakes, dialing, what the guest's bytes meet there.
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "vmm/vsock/hybrid_handshake.h"
#include "vmm/vsock/packet_engine.h"

namespace inro::vmm {
namespace {

constexpr std::uint32_t kWatched = EPOLLIN | EPOLLRDHUP | EPOLLET;
constexpr std::chrono::milliseconds kDialAgain{5};
constexpr std::uint32_t kFirstHostPort = 1U << 30;
constexpr std::uint32_t kLastHostPort = (1U << 31) - 1;

}  // namespace

void PacketEngine::OnAccepted(UniqueFd fd, Clock::time_point now) {
  if (connections_.size() >= options_.limits.max_connections ||
      waiting_ >= options_.limits.max_held) {
    statistics_.refused.Add();
    return;
  }
  const int socket = fd.get();
  Connection& connection = Create(std::move(fd), Connection::State::kHandshake);
  if (!loop_.Add(socket, kWatched, connection.id)) {
    statistics_.refused.Add();
    Remove(connection);
    return;
  }
  Expire(connection, now + options_.limits.hold);
  ReadHandshake(connection);
}

// May remove the connection.
void PacketEngine::ReadHandshake(Connection& connection) {
  // Looked at before it is taken: what follows the line belongs to the guest.
  std::array<char, kMaxConnectLine> bytes;
  const ssize_t seen =
      recv(connection.fd.get(), bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
  if (seen < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (seen <= 0) return Remove(connection);
  const auto* newline =
      static_cast<const char*>(std::memchr(bytes.data(), '\n', static_cast<std::size_t>(seen)));
  if (newline == nullptr) {
    if (static_cast<std::size_t>(seen) == bytes.size()) {
      statistics_.refused.Add();
      Remove(connection);
    }
    return;
  }
  const auto length = static_cast<std::size_t>(newline - bytes.data());
  const auto port = ParseConnectLine({bytes.data(), length});
  if (!port || recv(connection.fd.get(), bytes.data(), length + 1, MSG_DONTWAIT) !=
                   static_cast<ssize_t>(length + 1)) {
    statistics_.refused.Add();
    return Remove(connection);
  }
  statistics_.host_connects.Add();
  connection.guest_port = *port;
  SetState(connection, Connection::State::kHeld);
  if (running()) {
    Request(connection);
  } else {
    statistics_.held.Add();
  }
}

// Asks the guest for the port that the host named.
void PacketEngine::Request(Connection& connection) {
  do {
    next_host_port_ = next_host_port_ >= kLastHostPort ? kFirstHostPort : next_host_port_ + 1;
  } while (Find(next_host_port_, connection.guest_port) != nullptr);
  Adopt(connection, next_host_port_, connection.guest_port);
  SetState(connection, Connection::State::kRequested);
  connection.owed = Connection::kOweRequest;
  Enqueue(connection);
}

// Connects to the host's listener for the port that the guest named. May remove the connection.
void PacketEngine::Dial(Connection& connection, Clock::time_point now) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = fmt::format("{}_{}", options_.hybrid_path, connection.host_port);
  if (path.size() >= sizeof address.sun_path) {
    statistics_.refused.Add();
    return ResetBoth(connection);
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int done =
      connect(connection.fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (done != 0 && (errno == EAGAIN || errno == EINTR) && now < connection.give_up) {
    SetState(connection, Connection::State::kDialing);
    return Expire(connection, now + kDialAgain);
  }
  if (done != 0 || !loop_.Add(connection.fd.get(), kWatched, connection.id)) {
    (errno == EAGAIN ? statistics_.expired : statistics_.refused).Add();
    return ResetBoth(connection);
  }
  SetState(connection, Connection::State::kEstablished);
  connection.owed = Connection::kOweResponse;
  connection.readable = true;
  Enqueue(connection);
}

void PacketEngine::OnHostEvents(std::uint64_t token, std::uint32_t events, Clock::time_point) {
  const auto found = connections_.find(token);
  if (found == connections_.end()) return;
  Connection& connection = *found->second;
  if (connection.state == Connection::State::kHandshake && (events & EPOLLIN) != 0) {
    ReadHandshake(connection);
    if (!connections_.contains(token)) return;
  }
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) connection.readable = true;
  if ((events & EPOLLOUT) != 0) {
    SocketHasRoom(connection);
    if (!connections_.contains(token)) return;
  }
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
    OnHungUp(connection);
    if (!connections_.contains(token)) return;
  }
  if (WantsGuest(connection)) Enqueue(connection);
}

// The host process closed its end. May remove the connection.
void PacketEngine::OnHungUp(Connection& connection) {
  connection.hung_up = true;
  switch (connection.state) {
    case Connection::State::kRequested:
      if (connection.requested) {
        SendReset(connection.host_port, connection.guest_port, kPacketStream);
      }
      return Remove(connection);
    case Connection::State::kEstablished:
      // Bytes that it sent before are still to be read; then its end is found.
      if (!connection.MayRead()) HostStoppedReading(connection);
      return;
    case Connection::State::kClosing:
    case Connection::State::kDialing:
      return;
    default:
      return Remove(connection);
  }
}

// Only a full socket is watched for room: else each message that the host reads would wake the
// device.
void PacketEngine::SocketFull(Connection& connection) {
  connection.writable = false;
  if (connection.watches_room) return;
  connection.watches_room = true;
  // A change of an entry that exists cannot fail.
  (void)loop_.Change(connection.fd.get(), kWatched | EPOLLOUT, connection.id);
}

// May remove the connection.
void PacketEngine::SocketHasRoom(Connection& connection) {
  if (connection.writable && connection.watches_room) {
    // Was not full since the last time: the transfer is over, or its reader is quick.
    connection.watches_room = false;
    (void)loop_.Change(connection.fd.get(), kWatched, connection.id);
  }
  connection.writable = true;
  if (!connection.pending.empty()) FlushPending(connection);
}

// Writes what waits for the host. May remove the connection.
void PacketEngine::FlushPending(Connection& connection) {
  while (!connection.pending.empty()) {
    const ssize_t sent = send(connection.fd.get(), connection.pending.data(),
                              connection.pending.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return SocketFull(connection);
    if (sent < 0) {
      if (connection.state == Connection::State::kDraining) return Remove(connection);
      return HostStoppedReading(connection);
    }
    connection.pending.Consume(static_cast<std::size_t>(sent));
    Forwarded(connection, static_cast<std::uint32_t>(sent));
  }
  if (connection.state == Connection::State::kDraining) return Remove(connection);
  if ((connection.guest_shutdown & kShutdownSend) != 0) shutdown(connection.fd.get(), SHUT_WR);
}

// Nobody reads on the host any more: what the guest sends is taken and dropped until it knows.
void PacketEngine::HostStoppedReading(Connection& connection) {
  const auto lost = static_cast<std::uint32_t>(connection.pending.size());
  connection.pending.Clear();
  connection.writable = false;
  connection.host_shutdown |= kShutdownReceive;
  // If it hung up too and will not be read from, nothing is to come from it.
  if (connection.hung_up && !connection.MayRead()) connection.host_shutdown = kShutdownBoth;
  Forwarded(connection, lost);
  if (connection.host_shutdown != connection.host_shutdown_told) {
    connection.owed |= Connection::kOweShutdown;
    Enqueue(connection);
  }
}

// `bytes` left the buffer that the guest fills: it is told in time not to wait for credit.
void PacketEngine::Forwarded(Connection& connection, std::uint32_t bytes) {
  connection.forwarded += bytes;
  if (connection.state == Connection::State::kEstablished &&
      connection.forwarded - connection.forwarded_told >= connection.buffer_limit / 2) {
    connection.owed |= Connection::kOweCredit;
    Enqueue(connection);
  }
}

}  // namespace inro::vmm
