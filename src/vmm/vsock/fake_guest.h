// A guest for tests: memory in this process, a vhost-user front end and a vsock driver that speaks
// packets.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "vmm/vsock/packet.h"
#include "vmm/vsock/vhost_user_protocol.h"
#include "vmm/vsock/virtqueue.h"

namespace inro::vmm {

struct FakeDescriptor {
  std::uint64_t address = 0;
  std::uint32_t length = 0;
  std::uint16_t flags = 0;  // 1 next, 2 write, 4 indirect
  std::uint16_t next = 0;
};

struct ReceivedPacket {
  PacketHeader header;
  std::string payload;
};

class FakeGuest {
 public:
  static constexpr std::uint16_t kRingSize = 128;
  static constexpr std::size_t kMemorySize = std::size_t{8} << 20;
  static constexpr std::uint64_t kUserBase = 0x7f0000000000;
  static constexpr std::uint64_t kCid = 3;
  // Guest memory that the driver does not use itself.
  static constexpr std::uint64_t kScratch = 0x8000;
  static constexpr std::size_t kScratchSize = 0x8000;

  // `socket` is connected to the device.
  explicit FakeGuest(UniqueFd socket, std::uint64_t features = kFeatureVersion1 |
                                                               kFeatureEventIndex |
                                                               kFeatureIndirect | kFeatureProtocol);
  ~FakeGuest();

  // Vhost-user.
  void Attach();  // features, protocol features, memory table
  void SendMessage(VhostUserRequest request, std::span<const std::byte> payload,
                   std::span<const int> fds = {}, bool need_reply = false);
  std::vector<std::byte> ReadReply();  // payload; empty if the device hung up
  std::uint64_t Ask(VhostUserRequest request);
  // A fresh driver: clears its rings, hands them over, posts receive buffers.
  void StartDriver(std::uint16_t receive_buffers = kRingSize);
  // As a VMM does at pause and at reset. Gives the bases.
  std::array<std::uint16_t, 2> StopRings();
  // Hands the rings over as they are.
  void StartRings(std::array<std::uint16_t, 2> bases);
  bool DeviceHungUp();

  // Driver, transmit side.
  void Send(PacketHeader header, std::string_view payload = {});
  // Makes a chain of raw descriptors available; they go to the ring's descriptors from 0 on.
  void SendRaw(std::span<const FakeDescriptor> descriptors, std::uint16_t head = 0);
  void KickTransmit();
  // Waits until the device gave everything back; false after a minute.
  bool AwaitTransmitted();
  std::uint16_t transmit_available() const { return transmit_available_; }
  void SetTransmitIndex(std::uint16_t index);
  std::byte* at(std::uint64_t address) { return memory_ + address; }

  // Driver, receive side.
  void PostReceiveBuffers(std::uint16_t count);
  void KickReceive();
  std::optional<ReceivedPacket> Receive(
      std::chrono::milliseconds timeout = std::chrono::seconds(60), bool repost = true);
  // The next packet that is no credit update.
  std::optional<ReceivedPacket> ReceiveNoCredit(
      std::chrono::milliseconds timeout = std::chrono::seconds(60));

 private:
  struct Ring {
    std::uint64_t descriptors;
    std::uint64_t available;
    std::uint64_t used;
  };
  void HandOver(std::uint32_t index, const Ring& ring, std::uint16_t base, int kick, int call);
  std::uint16_t Load16(std::uint64_t address) const;
  void Store16(std::uint64_t address, std::uint16_t value);

  UniqueFd socket_;
  std::uint64_t features_;
  UniqueFd memory_fd_;
  std::byte* memory_ = nullptr;
  std::array<UniqueFd, 2> kick_;
  std::array<UniqueFd, 2> call_;
  std::uint16_t receive_available_ = 0;
  std::uint16_t receive_used_ = 0;
  std::uint16_t transmit_available_ = 0;
};

// A packet of the fake guest's to the host.
PacketHeader GuestPacket(PacketOp op, std::uint32_t guest_port, std::uint32_t host_port,
                         std::uint32_t len = 0);

}  // namespace inro::vmm
