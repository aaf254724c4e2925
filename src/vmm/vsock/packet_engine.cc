#include "vmm/vsock/packet_engine.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace inro::vmm {

PacketEngine::PacketEngine(Options options, EventLoop& loop, VsockStatistics& statistics)
    : options_(std::move(options)),
      loop_(loop),
      statistics_(statistics),
      next_id_(options_.first_token),
      buffers_(receive_, statistics) {}

PacketEngine::~PacketEngine() = default;

Result<> PacketEngine::Start(const GuestMemory& memory, std::uint64_t features,
                             const RingAddresses& receive, int receive_call,
                             const RingAddresses& transmit, int transmit_call) {
  INRO_TRY(receive_.Start(memory, receive, features));
  if (auto started = transmit_.Start(memory, transmit, features); !started) {
    receive_.Stop();
    return started;
  }
  SetCalls(receive_call, transmit_call);
  receive_.DisableKicks();
  transmit_.DisableKicks();
  statistics_.driver_starts.Add();
  more_ = true;
  transmit_paused_ = false;
  for (auto& [id, connection] : connections_) {
    if (connection->state == Connection::State::kHeld) Request(*connection);
    if (WantsGuest(*connection)) Enqueue(*connection);
  }
  return {};
}

std::array<std::uint16_t, 2> PacketEngine::Stop() {
  buffers_.Rewind();
  signal_due_ = Clock::time_point::max();
  more_ = false;
  return {receive_.Stop(), transmit_.Stop()};
}

void PacketEngine::SetCalls(int receive_call, int transmit_call) {
  receive_call_ = receive_call;
  transmit_call_ = transmit_call;
}

void PacketEngine::DropGuestConnections() {
  std::vector<Connection*> all;
  for (auto& [id, connection] : connections_) all.push_back(connection.get());
  for (Connection* connection : all) {
    switch (connection->state) {
      case Connection::State::kHandshake:
      case Connection::State::kHeld:
      case Connection::State::kDraining:
        break;
      case Connection::State::kRequested:
        Detach(*connection);
        SetState(*connection, Connection::State::kHeld);
        connection->owed = 0;
        connection->requested = false;
        break;
      case Connection::State::kDialing:
      case Connection::State::kEstablished:
      case Connection::State::kClosing:
        Remove(*connection);
        break;
    }
  }
  resets_.clear();
}

void PacketEngine::Pump(Clock::time_point now) {
  if (!running()) return;
  more_ = false;
  DrainTransmit(now);
  FillReceive(now);
  if (transmit_paused_ && resets_.empty()) more_ = true;
}

void PacketEngine::OnTime(Clock::time_point now) {
  if (now >= signal_due_) Signal(transmit_, transmit_call_);
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    Connection& connection = *connections_.at(deadlines_.begin()->second);
    Expire(connection, Clock::time_point::max());
    switch (connection.state) {
      case Connection::State::kDialing:
        Dial(connection, now);
        break;
      case Connection::State::kEstablished:
        connection.owed |= Connection::kOweCreditRequest;
        Enqueue(connection);
        break;
      case Connection::State::kRequested:
      case Connection::State::kClosing:
        if (connection.state == Connection::State::kRequested) statistics_.expired.Add();
        if (connection.requested) {
          SendReset(connection.host_port, connection.guest_port, kPacketStream);
        }
        Remove(connection);
        break;
      default:
        statistics_.expired.Add();
        Remove(connection);
        break;
    }
  }
}

Clock::time_point PacketEngine::NextDeadline() const {
  if (more_) return Clock::time_point::min();
  if (deadlines_.empty()) return signal_due_;
  return std::min(signal_due_, deadlines_.begin()->first);
}

Connection& PacketEngine::Create(UniqueFd fd, Connection::State state) {
  auto connection = std::make_unique<Connection>();
  connection->id = next_id_++;
  connection->fd = std::move(fd);
  connection->state = state;
  const VsockLimits& limits = options_.limits;
  connection->buffer_limit =
      connections_.size() < limits.large_connections ? limits.large_buffer : limits.small_buffer;
  if (state == Connection::State::kHandshake || state == Connection::State::kHeld) ++waiting_;
  Connection& created = *connection;
  connections_.emplace(created.id, std::move(connection));
  statistics_.connections.Set(connections_.size());
  return created;
}

void PacketEngine::SetState(Connection& connection, Connection::State state) {
  const auto waits = [](Connection::State s) {
    return s == Connection::State::kHandshake || s == Connection::State::kHeld;
  };
  if (waits(connection.state)) --waiting_;
  if (waits(state)) ++waiting_;
  connection.state = state;
}

void PacketEngine::Adopt(Connection& connection, std::uint32_t host_port,
                         std::uint32_t guest_port) {
  connection.host_port = host_port;
  connection.guest_port = guest_port;
  by_ports_[KeyOf(host_port, guest_port)] = &connection;
}

Connection* PacketEngine::Find(std::uint32_t host_port, std::uint32_t guest_port) {
  const auto found = by_ports_.find(KeyOf(host_port, guest_port));
  return found == by_ports_.end() ? nullptr : found->second;
}

// The guest can name the connection no more.
void PacketEngine::Detach(Connection& connection) {
  const auto found = by_ports_.find(KeyOf(connection.host_port, connection.guest_port));
  if (found != by_ports_.end() && found->second == &connection) by_ports_.erase(found);
}

void PacketEngine::Remove(Connection& connection) {
  Detach(connection);
  Expire(connection, Clock::time_point::max());
  SetState(connection, Connection::State::kClosing);  // leaves the count of waiting ones
  connections_.erase(connection.id);
  statistics_.connections.Set(connections_.size());
  // Entries of the line outlive their connections: they must not pile up while the guest takes
  // none.
  if (line_.size() > 2 * connections_.size() + 64) {
    std::erase_if(line_, [&](std::uint64_t id) { return !connections_.contains(id); });
  }
}

void PacketEngine::ResetBoth(Connection& connection) {
  SendReset(connection.host_port, connection.guest_port, kPacketStream);
  Remove(connection);
}

void PacketEngine::Expire(Connection& connection, Clock::time_point when) {
  if (connection.expires != Clock::time_point::max()) {
    deadlines_.erase({connection.expires, connection.id});
  }
  connection.expires = when;
  if (when != Clock::time_point::max()) deadlines_.insert({when, connection.id});
}

// The host's end is gone and the guest knows: its reset is awaited.
void PacketEngine::StartClosing(Connection& connection, Clock::time_point now) {
  SetState(connection, Connection::State::kClosing);
  connection.fd.reset();
  connection.pending.Clear();
  connection.readable = connection.writable = false;
  connection.owed = 0;
  Expire(connection, now + options_.limits.close);
}

}  // namespace inro::vmm
