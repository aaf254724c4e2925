// The packet header of virtio-vsock (VIRTIO 1.1, section 5.10.6), as it lies in guest memory.
#pragma once

#include <bit>
#include <cstdint>

namespace inro::vmm {

static_assert(std::endian::native == std::endian::little, "VIRTIO structures are little-endian");

inline constexpr std::uint64_t kHostCid = 2;
inline constexpr std::uint16_t kPacketStream = 1;

enum class PacketOp : std::uint16_t {
  kInvalid = 0,
  kRequest = 1,
  kResponse = 2,
  kReset = 3,
  kShutdown = 4,
  kReadWrite = 5,
  kCreditUpdate = 6,
  kCreditRequest = 7,
};

// Flags of kShutdown: what the sender of the packet will not do any more.
inline constexpr std::uint32_t kShutdownReceive = 1;
inline constexpr std::uint32_t kShutdownSend = 2;
inline constexpr std::uint32_t kShutdownBoth = 3;

struct __attribute__((packed)) PacketHeader {
  std::uint64_t src_cid = 0;
  std::uint64_t dst_cid = 0;
  std::uint32_t src_port = 0;
  std::uint32_t dst_port = 0;
  std::uint32_t len = 0;  // bytes of payload
  std::uint16_t type = kPacketStream;
  PacketOp op = PacketOp::kInvalid;
  std::uint32_t flags = 0;
  std::uint32_t buf_alloc = 0;  // the sender's receive buffer for this connection, in bytes
  std::uint32_t fwd_cnt = 0;    // bytes that left this buffer so far, modulo 2^32
};
static_assert(sizeof(PacketHeader) == 44);

}  // namespace inro::vmm
