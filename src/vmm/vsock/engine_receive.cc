// Packets to the guest.
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "vmm/vsock/packet_engine.h"

namespace inro::vmm {
namespace {

constexpr int kTurnsAPump = 1024;
// Of one read: 256 KiB with the 4 KiB buffers of Linux, as much as its default window.
constexpr std::size_t kBuffersARead = 64;
constexpr std::size_t kSegmentsARead = 1000;  // IOV_MAX is 1024
constexpr std::chrono::milliseconds kCreditPatience{20};
// Used buffers that are not announced yet: a few small packets share an interrupt, a long run of
// them does not wait for its end.
constexpr std::uint16_t kUnsignalled = 32;

}  // namespace

void PacketEngine::FillReceive(Clock::time_point now) {
  for (int turn = 0; !resets_.empty() || !line_.empty(); ++turn) {
    if (turn >= kTurnsAPump) {
      more_ = true;
      break;
    }
    if (buffers_.Prefetch(1) == 0) {
      if (!receive_.EnableKicks()) break;
      receive_.DisableKicks();
      continue;
    }
    if (!resets_.empty()) {
      const OwedReset reset = resets_.front();
      resets_.pop_front();
      PacketHeader header;
      header.src_cid = kHostCid;
      header.dst_cid = options_.guest_cid;
      header.src_port = reset.host_port;
      header.dst_port = reset.guest_port;
      header.type = reset.type;
      header.op = PacketOp::kReset;
      buffers_.Use(header);
      statistics_.packets_to_guest.Add();
    } else {
      const auto found = connections_.find(line_.front());
      line_.pop_front();
      if (found == connections_.end()) continue;
      const std::uint64_t id = found->first;
      found->second->queued = false;
      ServeGuest(*found->second, now);
      if (const auto left = connections_.find(id);
          left != connections_.end() && WantsGuest(*left->second)) {
        Enqueue(*left->second);
      }
    }
    receive_.Publish();
    if (receive_.unsignalled() >= kUnsignalled) Signal(receive_, receive_call_);
  }
  // Unusable buffers may have been given back without a packet.
  receive_.Publish();
  Signal(receive_, receive_call_);
}

bool PacketEngine::WantsGuest(const Connection& connection) const {
  if (connection.owed != 0) return true;
  return connection.MayRead() && (connection.Credit() > 0 || !connection.awaits_credit);
}

void PacketEngine::Enqueue(Connection& connection) {
  if (connection.queued) return;
  connection.queued = true;
  line_.push_back(connection.id);
}

void PacketEngine::SendReset(std::uint32_t host_port, std::uint32_t guest_port,
                             std::uint16_t type) {
  resets_.push_back({host_port, guest_port, type});
}

// Gives one connection its turn; a buffer is ready. May remove the connection.
void PacketEngine::ServeGuest(Connection& connection, Clock::time_point now) {
  using C = Connection;
  if ((connection.owed & C::kOweRequest) != 0) {
    connection.requested = true;
    return SendControl(connection, PacketOp::kRequest, C::kOweRequest);
  }
  if ((connection.owed & C::kOweResponse) != 0) {
    return SendControl(connection, PacketOp::kResponse, C::kOweResponse);
  }
  if (connection.MayRead()) {
    if (connection.Credit() > 0) {
      if (SendData(connection)) return;
    } else {
      AwaitCredit(connection, now);
    }
  }
  if ((connection.owed & C::kOweCreditRequest) != 0) {
    return SendControl(connection, PacketOp::kCreditRequest, C::kOweCreditRequest);
  }
  if ((connection.owed & C::kOweCredit) != 0) {
    return SendControl(connection, PacketOp::kCreditUpdate, 0);
  }
  if ((connection.owed & C::kOweShutdown) != 0) {
    connection.host_shutdown_told = connection.host_shutdown;
    SendControl(connection, PacketOp::kShutdown, C::kOweShutdown);
    if (connection.host_shutdown_told == kShutdownBoth) StartClosing(connection, now);
  }
}

// The guest tells when it has room again. It is asked only if that takes long: a driver whose
// buffer was enlarged does not tell of itself, and asking at once would cost an exchange for each
// window.
void PacketEngine::AwaitCredit(Connection& connection, Clock::time_point now) {
  if (connection.awaits_credit) return;
  connection.awaits_credit = true;
  Expire(connection, now + kCreditPatience);
}

void PacketEngine::GotCredit(Connection& connection) {
  if (!connection.awaits_credit || connection.Credit() == 0) return;
  connection.awaits_credit = false;
  Expire(connection, Clock::time_point::max());
}

PacketHeader PacketEngine::HeaderFor(Connection& connection, PacketOp op) {
  PacketHeader header;
  header.src_cid = kHostCid;
  header.dst_cid = options_.guest_cid;
  header.src_port = connection.host_port;
  header.dst_port = connection.guest_port;
  header.op = op;
  header.buf_alloc = connection.buffer_limit;
  header.fwd_cnt = connection.forwarded;
  // Every packet tells the guest its credit.
  connection.forwarded_told = connection.forwarded;
  connection.owed &= static_cast<std::uint8_t>(~Connection::kOweCredit);
  return header;
}

void PacketEngine::SendControl(Connection& connection, PacketOp op, std::uint8_t paid) {
  connection.owed &= static_cast<std::uint8_t>(~paid);
  PacketHeader header = HeaderFor(connection, op);
  if (op == PacketOp::kShutdown) header.flags = connection.host_shutdown;
  buffers_.Use(header);
  statistics_.packets_to_guest.Add();
}

// Reads from the host into the guest's buffers. True if some were used or the connection was
// removed.
bool PacketEngine::SendData(Connection& connection) {
  buffers_.Prefetch(kBuffersARead);
  room_.clear();
  buffers_.PayloadRoom(connection.Credit(), kBuffersARead, kSegmentsARead, room_);
  ssize_t got = 0;
  do {
    got = readv(connection.fd.get(), room_.data(), static_cast<int>(room_.size()));
  } while (got < 0 && errno == EINTR);
  if (got < 0 && errno == EAGAIN) {
    connection.readable = false;
    return false;
  }
  if (got < 0) {
    ResetBoth(connection);
    return true;
  }
  if (got == 0) {
    connection.readable = false;
    connection.host_shutdown |= kShutdownSend;
    connection.owed |= Connection::kOweShutdown;
    if (connection.hung_up) HostStoppedReading(connection);
    return false;
  }
  statistics_.bytes_to_guest.Add(static_cast<std::uint64_t>(got));
  PacketHeader header = HeaderFor(connection, PacketOp::kReadWrite);
  for (auto left = static_cast<std::uint64_t>(got); left > 0; left -= header.len) {
    header.len = static_cast<std::uint32_t>(std::min(left, buffers_.FirstRoom()));
    connection.sent += header.len;
    buffers_.Use(header);
    statistics_.packets_to_guest.Add();
  }
  return true;
}

void PacketEngine::Signal(Virtqueue& queue, int call) {
  if (&queue == &transmit_) signal_due_ = Clock::time_point::max();
  if (!queue.running() || !queue.NeedsSignal() || call < 0) return;
  statistics_.signals.Add();
  const std::uint64_t one = 1;
  // A full counter means that the signal is there already.
  [[maybe_unused]] const ssize_t written = write(call, &one, sizeof one);
}

}  // namespace inro::vmm
