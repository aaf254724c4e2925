#include "vmm/vsock/fake_guest.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>

namespace inro::vmm {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kReceiveBuffers = 0x100000;
constexpr std::uint32_t kReceiveBufferSize = sizeof(PacketHeader) + 4096;
constexpr std::uint64_t kTransmitBuffers = 0x200000;
constexpr std::uint32_t kTransmitBufferSize = 64 * 1024 + 64;
// A packet takes two descriptors of the transmit ring.
constexpr std::uint16_t kTransmitSlots = FakeGuest::kRingSize / 2;

}  // namespace

FakeGuest::FakeGuest(UniqueFd socket, std::uint64_t features)
    : socket_(std::move(socket)), features_(features) {
  memory_fd_.reset(memfd_create("fake-guest", MFD_CLOEXEC));
  EXPECT_EQ(ftruncate(memory_fd_.get(), kMemorySize), 0);
  memory_ = static_cast<std::byte*>(
      mmap(nullptr, kMemorySize, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd_.get(), 0));
  for (auto& fd : kick_) fd.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  for (auto& fd : call_) fd.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

FakeGuest::~FakeGuest() { munmap(memory_, kMemorySize); }

void FakeGuest::SendMessage(VhostUserRequest request, std::span<const std::byte> payload,
                            std::span<const int> fds, bool need_reply) {
  VhostUserHeader header{static_cast<std::uint32_t>(request), VhostUserHeader::kVersion,
                         static_cast<std::uint32_t>(payload.size())};
  if (need_reply) header.flags |= VhostUserHeader::kNeedReply;
  std::vector<std::byte> bytes(sizeof header + payload.size());
  std::memcpy(bytes.data(), &header, sizeof header);
  if (!payload.empty()) std::memcpy(bytes.data() + sizeof header, payload.data(), payload.size());
  iovec part{bytes.data(), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * 16)> control{};
  if (!fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* item = CMSG_FIRSTHDR(&message);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(item), fds.data(), fds.size_bytes());
  }
  sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
}

std::vector<std::byte> FakeGuest::ReadReply() {
  VhostUserHeader header;
  if (recv(socket_.get(), &header, sizeof header, MSG_WAITALL) != sizeof header) return {};
  EXPECT_NE(header.flags & VhostUserHeader::kReply, 0U);
  std::vector<std::byte> payload(header.size);
  EXPECT_EQ(recv(socket_.get(), payload.data(), payload.size(), MSG_WAITALL),
            static_cast<ssize_t>(payload.size()));
  return payload;
}

std::uint64_t FakeGuest::Ask(VhostUserRequest request) {
  SendMessage(request, {});
  const std::vector<std::byte> payload = ReadReply();
  EXPECT_EQ(payload.size(), 8U);
  std::uint64_t value = 0;
  if (payload.size() == 8) std::memcpy(&value, payload.data(), 8);
  return value;
}

void FakeGuest::Attach() {
  const auto send64 = [&](VhostUserRequest request, std::uint64_t value) {
    SendMessage(request, std::as_bytes(std::span(&value, 1)));
  };
  EXPECT_EQ(Ask(VhostUserRequest::kGetFeatures) & features_, features_);
  const std::uint64_t protocol = Ask(VhostUserRequest::kGetProtocolFeatures);
  send64(VhostUserRequest::kSetProtocolFeatures, protocol);
  EXPECT_EQ(Ask(VhostUserRequest::kGetQueueNumber), 2U);
  SendMessage(VhostUserRequest::kSetOwner, {});
  send64(VhostUserRequest::kSetFeatures, features_);
  const std::array<std::uint64_t, 5> table = {1, 0, kMemorySize, kUserBase, 0};
  const std::array<int, 1> fds = {memory_fd_.get()};
  SendMessage(VhostUserRequest::kSetMemoryTable, std::as_bytes(std::span(table)), fds, true);
  EXPECT_EQ(ReadReply().size(), 8U);
}

void FakeGuest::HandOver(std::uint32_t index, const Ring& ring, std::uint16_t base, int kick,
                         int call) {
  const auto state = [&](VhostUserRequest request, std::uint32_t value) {
    const VringState payload{index, value};
    SendMessage(request, std::as_bytes(std::span(&payload, 1)));
  };
  const auto descriptor = [&](VhostUserRequest request, int fd) {
    const std::uint64_t payload = index;
    const std::array<int, 1> fds = {fd};
    SendMessage(request, std::as_bytes(std::span(&payload, 1)), fds);
  };
  state(VhostUserRequest::kSetVringNumber, kRingSize);
  state(VhostUserRequest::kSetVringBase, base);
  const VringAddress address{
      index, 0, kUserBase + ring.descriptors, kUserBase + ring.used, kUserBase + ring.available, 0};
  SendMessage(VhostUserRequest::kSetVringAddress, std::as_bytes(std::span(&address, 1)));
  descriptor(VhostUserRequest::kSetVringKick, kick);
  descriptor(VhostUserRequest::kSetVringCall, call);
}

namespace {
constexpr std::uint64_t kReceiveRing[] = {0x1000, 0x2000, 0x3000};
constexpr std::uint64_t kTransmitRing[] = {0x4000, 0x5000, 0x6000};
}  // namespace

void FakeGuest::StartRings(std::array<std::uint16_t, 2> bases) {
  HandOver(0, {kReceiveRing[0], kReceiveRing[1], kReceiveRing[2]}, bases[0], kick_[0].get(),
           call_[0].get());
  HandOver(1, {kTransmitRing[0], kTransmitRing[1], kTransmitRing[2]}, bases[1], kick_[1].get(),
           call_[1].get());
  for (std::uint32_t index = 0; index < 2; ++index) {
    const VringState payload{index, 1};
    SendMessage(VhostUserRequest::kSetVringEnable, std::as_bytes(std::span(&payload, 1)), {}, true);
    EXPECT_EQ(ReadReply().size(), 8U);
  }
}

void FakeGuest::StartDriver(std::uint16_t receive_buffers) {
  std::memset(memory_ + 0x1000, 0, 0x6000);
  receive_available_ = receive_used_ = transmit_available_ = 0;
  StartRings({0, 0});
  PostReceiveBuffers(receive_buffers);
}

std::array<std::uint16_t, 2> FakeGuest::StopRings() {
  std::array<std::uint16_t, 2> bases{};
  for (std::uint32_t index = 0; index < 2; ++index) {
    const VringState ask{index, 0};
    SendMessage(VhostUserRequest::kGetVringBase, std::as_bytes(std::span(&ask, 1)));
    const std::vector<std::byte> reply = ReadReply();
    VringState answer;
    EXPECT_EQ(reply.size(), sizeof answer);
    if (reply.size() == sizeof answer) std::memcpy(&answer, reply.data(), sizeof answer);
    EXPECT_EQ(answer.index, index);
    bases[index] = static_cast<std::uint16_t>(answer.value);
  }
  return bases;
}

bool FakeGuest::DeviceHungUp() {
  pollfd waiting{socket_.get(), POLLIN, 0};
  char byte = 0;
  return poll(&waiting, 1, 60'000) == 1 && recv(socket_.get(), &byte, 1, MSG_DONTWAIT) <= 0;
}

std::uint16_t FakeGuest::Load16(std::uint64_t address) const {
  return std::atomic_ref<std::uint16_t>(*reinterpret_cast<std::uint16_t*>(memory_ + address))
      .load();
}

void FakeGuest::Store16(std::uint64_t address, std::uint16_t value) {
  std::atomic_ref<std::uint16_t>(*reinterpret_cast<std::uint16_t*>(memory_ + address)).store(value);
}

void FakeGuest::KickTransmit() { eventfd_write(kick_[1].get(), 1); }

void FakeGuest::KickReceive() { eventfd_write(kick_[0].get(), 1); }

void FakeGuest::SetTransmitIndex(std::uint16_t index) { Store16(kTransmitRing[1] + 2, index); }

void FakeGuest::Send(PacketHeader header, std::string_view payload) {
  // Wait for a free slot.
  for (int i = 0; i < 1'000'000; ++i) {
    const auto pending =
        static_cast<std::uint16_t>(transmit_available_ - Load16(kTransmitRing[2] + 2));
    if (pending < kTransmitSlots) break;
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  const auto slot = static_cast<std::uint16_t>(transmit_available_ % kTransmitSlots);
  const std::uint64_t buffer = kTransmitBuffers + std::uint64_t{slot} * kTransmitBufferSize;
  std::memcpy(memory_ + buffer, &header, sizeof header);
  if (!payload.empty()) std::memcpy(memory_ + buffer + 64, payload.data(), payload.size());
  const FakeDescriptor first{buffer, sizeof header,
                             static_cast<std::uint16_t>(payload.empty() ? 0 : 1),
                             static_cast<std::uint16_t>(slot * 2 + 1)};
  const FakeDescriptor second{buffer + 64, static_cast<std::uint32_t>(payload.size()), 0, 0};
  std::memcpy(memory_ + kTransmitRing[0] + slot * 32, &first, 16);
  std::memcpy(memory_ + kTransmitRing[0] + slot * 32 + 16, &second, 16);
  const auto entry = static_cast<std::uint64_t>(transmit_available_ % kRingSize);
  Store16(kTransmitRing[1] + 4 + entry * 2, static_cast<std::uint16_t>(slot * 2));
  Store16(kTransmitRing[1] + 2, ++transmit_available_);
  KickTransmit();
}

void FakeGuest::SendRaw(std::span<const FakeDescriptor> descriptors, std::uint16_t head) {
  if (!descriptors.empty()) {
    std::memcpy(memory_ + kTransmitRing[0], descriptors.data(), descriptors.size_bytes());
  }
  const auto entry = static_cast<std::uint64_t>(transmit_available_ % kRingSize);
  Store16(kTransmitRing[1] + 4 + entry * 2, head);
  Store16(kTransmitRing[1] + 2, ++transmit_available_);
  KickTransmit();
}

bool FakeGuest::AwaitTransmitted() {
  for (int i = 0; i < 60'000; ++i) {
    if (Load16(kTransmitRing[2] + 2) == transmit_available_) return true;
    std::this_thread::sleep_for(milliseconds(1));
  }
  return false;
}

void FakeGuest::PostReceiveBuffers(std::uint16_t count) {
  for (std::uint16_t i = 0; i < count; ++i) {
    const auto slot = static_cast<std::uint16_t>(receive_available_ % kRingSize);
    const FakeDescriptor buffer{kReceiveBuffers + std::uint64_t{slot} * kReceiveBufferSize,
                                kReceiveBufferSize, 2, 0};
    std::memcpy(memory_ + kReceiveRing[0] + slot * 16, &buffer, 16);
    Store16(kReceiveRing[1] + 4 + slot * std::uint64_t{2}, slot);
    Store16(kReceiveRing[1] + 2, ++receive_available_);
  }
  eventfd_write(kick_[0].get(), 1);
}

std::optional<ReceivedPacket> FakeGuest::Receive(milliseconds timeout, bool repost) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  // Ask for an interrupt at the next packet (the used_event field), then look.
  Store16(kReceiveRing[1] + 4 + kRingSize * 2, receive_used_);
  while (Load16(kReceiveRing[2] + 2) == receive_used_) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return std::nullopt;
    pollfd waiting{call_[0].get(), POLLIN, 0};
    poll(&waiting, 1, static_cast<int>(left.count()));
    eventfd_t value = 0;
    eventfd_read(call_[0].get(), &value);
  }
  std::array<std::uint32_t, 2> used{};
  std::memcpy(used.data(),
              memory_ + kReceiveRing[2] + 4 + std::uint64_t{receive_used_} % kRingSize * 8, 8);
  ++receive_used_;
  ReceivedPacket packet;
  const std::byte* bytes =
      memory_ + kReceiveBuffers + std::uint64_t{used[0] % kRingSize} * kReceiveBufferSize;
  std::memcpy(&packet.header, bytes, sizeof packet.header);
  EXPECT_EQ(used[1], sizeof packet.header + packet.header.len);
  EXPECT_EQ(packet.header.dst_cid, kCid);
  EXPECT_EQ(packet.header.src_cid, kHostCid);
  packet.payload.assign(reinterpret_cast<const char*>(bytes) + sizeof packet.header,
                        packet.header.len);
  if (repost) PostReceiveBuffers(1);
  return packet;
}

std::optional<ReceivedPacket> FakeGuest::ReceiveNoCredit(milliseconds timeout) {
  for (;;) {
    auto packet = Receive(timeout);
    if (!packet || packet->header.op != PacketOp::kCreditUpdate) return packet;
  }
}

PacketHeader GuestPacket(PacketOp op, std::uint32_t guest_port, std::uint32_t host_port,
                         std::uint32_t len) {
  PacketHeader header;
  header.src_cid = FakeGuest::kCid;
  header.dst_cid = kHostCid;
  header.src_port = guest_port;
  header.dst_port = host_port;
  header.len = len;
  header.op = op;
  header.buf_alloc = 256 * 1024;
  return header;
}

}  // namespace inro::vmm
