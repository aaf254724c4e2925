// Packets from the guest.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "vmm/vsock/packet_engine.h"

namespace inro::vmm {
namespace {

constexpr int kChainsAPump = 512;
constexpr std::size_t kMaxSegments = 1000;  // of one write; IOV_MAX is 1024
// The guest's packets wait while so many resets wait for its buffers.
constexpr std::size_t kMaxResets = 1024;
// A driver needs the interrupt for sent packets only to free them. It is put off, because it would
// fall together with the arrival of the answer.
constexpr std::chrono::milliseconds kSignalDelay{10};

// Copies the header and leaves the payload's segments, cut to the packet's length, at `payload`.
PacketHeader SplitPacket(const DescriptorChain& chain) {
  PacketHeader header;
  auto* to = reinterpret_cast<char*>(&header);
  std::size_t left = sizeof header;
  for (const iovec& part : chain.readable) {
    const std::size_t size = std::min(left, part.iov_len);
    std::memcpy(to, part.iov_base, size);
    to += size;
    left -= size;
    if (left == 0) break;
  }
  return header;
}

}  // namespace

void PacketEngine::DrainTransmit(Clock::time_point now) {
  transmit_paused_ = false;
  for (int taken = 0;;) {
    if (resets_.size() >= kMaxResets) {
      transmit_paused_ = true;
      break;
    }
    if (taken >= kChainsAPump) {
      more_ = true;
      break;
    }
    const Virtqueue::Popped popped = transmit_.Pop(chain_);
    if (popped == Virtqueue::Popped::kNone) {
      // While this writes, the guest goes on without kicks, each of which costs it an exit.
      ReturnTransmitted(now);
      if (!transmit_.EnableKicks()) break;
      transmit_.DisableKicks();
      ++taken;
      continue;
    }
    ++taken;
    if (popped == Virtqueue::Popped::kChain && chain_.writable.empty() &&
        chain_.readable_bytes >= sizeof(PacketHeader) && chain_.readable.size() <= kMaxSegments) {
      HandleChain(now);
    } else {
      statistics_.malformed_chains.Add();
    }
    if (popped != Virtqueue::Popped::kSkipped) transmit_.PushUsed(chain_.head, 0);
  }
  ReturnTransmitted(now);
}

// Writes the batch and gives the guest its buffers back, in this order: the batch refers to them.
void PacketEngine::ReturnTransmitted(Clock::time_point now) {
  FlushBatch();
  transmit_.Publish();
  if (transmit_.unsignalled() >= transmit_.size() / 4) {
    Signal(transmit_, transmit_call_);
  } else if (transmit_.unsignalled() > 0 && signal_due_ == Clock::time_point::max()) {
    signal_due_ = now + kSignalDelay;
  }
}

void PacketEngine::HandleChain(Clock::time_point now) {
  const PacketHeader header = SplitPacket(chain_);
  statistics_.packets_from_guest.Add();
  if (header.src_cid != options_.guest_cid || header.dst_cid != kHostCid ||
      header.len > chain_.readable_bytes - sizeof header) {
    return statistics_.dropped_packets.Add();
  }
  if (header.op == PacketOp::kReadWrite && batch_ != nullptr &&
      batch_->host_port == header.dst_port && batch_->guest_port == header.src_port &&
      header.type == kPacketStream) {
    return HandleData(*batch_, header);
  }
  FlushBatch();
  HandlePacket(header, now);
}

void PacketEngine::HandlePacket(const PacketHeader& header, Clock::time_point now) {
  if (header.type != kPacketStream) {
    statistics_.dropped_packets.Add();
    if (header.op != PacketOp::kReset) SendReset(header.dst_port, header.src_port, header.type);
    return;
  }
  if (header.op == PacketOp::kRequest) return HandleRequest(header, now);
  Connection* const found = Find(header.dst_port, header.src_port);
  if (found == nullptr) {
    statistics_.dropped_packets.Add();
    if (header.op != PacketOp::kReset) SendReset(header.dst_port, header.src_port, kPacketStream);
    return;
  }
  Connection& connection = *found;
  connection.guest_buffer = header.buf_alloc;
  connection.guest_forwarded = header.fwd_cnt;
  switch (header.op) {
    case PacketOp::kResponse:
      return HandleResponse(connection);
    case PacketOp::kReset:
      return HandleReset(connection);
    case PacketOp::kShutdown:
      return HandleShutdown(connection, header);
    case PacketOp::kReadWrite:
      return HandleData(connection, header);
    case PacketOp::kCreditUpdate:
      break;
    case PacketOp::kCreditRequest:
      connection.owed |= Connection::kOweCredit;
      break;
    default:
      statistics_.dropped_packets.Add();
      return ResetBoth(connection);
  }
  GotCredit(connection);
  if (WantsGuest(connection)) Enqueue(connection);
}

// Takes the payload of the chain at hand. May remove the connection.
void PacketEngine::HandleData(Connection& connection, const PacketHeader& header) {
  connection.guest_buffer = header.buf_alloc;
  connection.guest_forwarded = header.fwd_cnt;
  if (connection.state == Connection::State::kClosing) return;  // the guest does not know yet
  if (connection.state != Connection::State::kEstablished ||
      (connection.guest_shutdown & kShutdownSend) != 0) {
    FlushBatch();
    statistics_.dropped_packets.Add();
    return ResetBoth(connection);
  }
  connection.received += header.len;
  if (connection.received - connection.forwarded > connection.buffer_limit) {
    FlushBatch();
    // The flush may have made room, but the guest could not know.
    statistics_.credit_violations.Add();
    return ResetBoth(connection);
  }
  statistics_.bytes_from_guest.Add(header.len);
  GotCredit(connection);
  if (WantsGuest(connection)) Enqueue(connection);
  if (header.len == 0) return;
  if ((connection.host_shutdown & kShutdownReceive) != 0) {
    return Forwarded(connection, header.len);
  }
  Batch(connection, header.len);
}

void PacketEngine::Batch(Connection& connection, std::uint32_t bytes) {
  if (batch_parts_.size() + chain_.readable.size() > kMaxSegments) FlushBatch();
  batch_ = &connection;
  batch_bytes_ += bytes;
  std::size_t skip = sizeof(PacketHeader);
  for (const iovec& part : chain_.readable) {
    const std::size_t lead = std::min(skip, part.iov_len);
    skip -= lead;
    const std::size_t size = std::min<std::size_t>(part.iov_len - lead, bytes);
    if (size == 0) continue;
    batch_parts_.push_back({static_cast<char*>(part.iov_base) + lead, size});
    bytes -= static_cast<std::uint32_t>(size);
  }
}

void PacketEngine::FlushBatch() {
  if (batch_ == nullptr) return;
  Connection& connection = *batch_;
  std::size_t sent = 0;
  bool failed = false;
  if ((connection.host_shutdown & kShutdownReceive) != 0) {
    failed = true;
  } else if (connection.writable && connection.pending.empty()) {
    msghdr message{};
    message.msg_iov = batch_parts_.data();
    message.msg_iovlen = batch_parts_.size();
    ssize_t done = 0;
    do {
      done = sendmsg(connection.fd.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (done < 0 && errno == EINTR);
    if (done >= 0) {
      sent = static_cast<std::size_t>(done);
    } else {
      failed = errno != EAGAIN;
    }
    if (sent < batch_bytes_ && !failed) SocketFull(connection);
  }
  if (!failed) {
    std::size_t skip = sent;
    for (const iovec& part : batch_parts_) {
      const std::size_t lead = std::min(skip, part.iov_len);
      skip -= lead;
      if (lead == part.iov_len) continue;
      connection.pending.Append(static_cast<char*>(part.iov_base) + lead, part.iov_len - lead);
    }
  }
  const auto gone = static_cast<std::uint32_t>(failed ? batch_bytes_ : sent);
  batch_ = nullptr;
  batch_bytes_ = 0;
  batch_parts_.clear();
  Forwarded(connection, gone);
  if (failed) HostStoppedReading(connection);
}

void PacketEngine::HandleRequest(const PacketHeader& header, Clock::time_point now) {
  if (Connection* old = Find(header.dst_port, header.src_port); old != nullptr) {
    statistics_.dropped_packets.Add();
    return ResetBoth(*old);
  }
  UniqueFd fd;
  if (connections_.size() < options_.limits.max_connections) {
    fd.reset(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  }
  if (!fd) {
    statistics_.refused.Add();
    return SendReset(header.dst_port, header.src_port, kPacketStream);
  }
  statistics_.guest_connects.Add();
  Connection& connection = Create(std::move(fd), Connection::State::kDialing);
  connection.requested = true;
  connection.guest_buffer = header.buf_alloc;
  connection.guest_forwarded = header.fwd_cnt;
  connection.give_up = now + options_.limits.dial;
  Adopt(connection, header.dst_port, header.src_port);
  Dial(connection, now);
}

void PacketEngine::HandleResponse(Connection& connection) {
  if (connection.state != Connection::State::kRequested || !connection.requested) {
    statistics_.dropped_packets.Add();
    return ResetBoth(connection);
  }
  const std::string answer = fmt::format("OK {}\n", connection.host_port);
  if (send(connection.fd.get(), answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT) !=
      static_cast<ssize_t>(answer.size())) {
    return ResetBoth(connection);
  }
  SetState(connection, Connection::State::kEstablished);
  Expire(connection, Clock::time_point::max());
  connection.readable = true;
  Enqueue(connection);
}

void PacketEngine::HandleShutdown(Connection& connection, const PacketHeader& header) {
  if (connection.state != Connection::State::kEstablished) return ResetBoth(connection);
  connection.guest_shutdown |= header.flags & kShutdownBoth;
  if (connection.guest_shutdown == kShutdownBoth) {
    SendReset(connection.host_port, connection.guest_port, kPacketStream);
    return HandleReset(connection);
  }
  if ((header.flags & kShutdownReceive) != 0) shutdown(connection.fd.get(), SHUT_RD);
  if ((header.flags & kShutdownSend) != 0 && connection.pending.empty()) {
    shutdown(connection.fd.get(), SHUT_WR);
  }
  if (WantsGuest(connection)) Enqueue(connection);
}

// The guest's end is gone. Bytes that it had finished sending still reach a slow host reader.
void PacketEngine::HandleReset(Connection& connection) {
  if (connection.state == Connection::State::kRequested) statistics_.refused.Add();
  if (connection.state != Connection::State::kEstablished || connection.pending.empty() ||
      (connection.guest_shutdown & kShutdownSend) == 0) {
    return Remove(connection);
  }
  Detach(connection);
  SetState(connection, Connection::State::kDraining);
  connection.owed = 0;
}

}  // namespace inro::vmm
