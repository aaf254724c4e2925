// Bytes as packets of the guest (each 44 bytes of header, then at most 20 of payload), through the
// whole engine with a ring of 64 either way. One connection of a host process stands open to
// answer.
#include <sys/socket.h>

#include "vmm/vsock/fuzz_memory.h"
#include "vmm/vsock/packet_engine.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace inro::vmm;
  constexpr std::uint64_t kReceive = 0;
  constexpr std::uint64_t kTransmit = 0x1000;
  constexpr std::uint64_t kReceiveBuffers = 0x4000;
  constexpr std::uint64_t kPackets = 0x8000;
  constexpr std::uint16_t kRing = 64;
  constexpr std::size_t kPacket = 64;
  static FuzzMemory guest;
  guest.Fill(nullptr, 0);
  std::byte* memory = guest.memory.AtGuestAddress(0, FuzzMemory::kSize);
  const auto put16 = [&](std::uint64_t at, std::uint16_t value) {
    std::memcpy(memory + at, &value, 2);
  };
  const auto describe = [&](std::uint64_t ring, std::uint16_t index, std::uint64_t address,
                            std::uint32_t length, std::uint16_t flags) {
    std::memcpy(memory + ring + index * 16U, &address, 8);
    std::memcpy(memory + ring + index * 16U + 8, &length, 4);
    std::memcpy(memory + ring + index * 16U + 12, &flags, 2);
    put16(ring + 0x400 + 4 + index * 2U, index);
  };
  std::uint16_t packets = 0;
  for (std::size_t at = 0; at < size && packets < kRing; at += kPacket, ++packets) {
    const std::size_t length = std::min(kPacket, size - at);
    std::memcpy(memory + kPackets + packets * kPacket, data + at, length);
    describe(kTransmit, packets, kPackets + packets * kPacket, static_cast<std::uint32_t>(length),
             0);
    describe(kReceive, packets, kReceiveBuffers + packets * 128U, 128, 2);
  }
  put16(kTransmit + 0x402, packets);
  put16(kReceive + 0x402, packets);

  VsockStatistics statistics;
  auto loop = EventLoop::Create();
  if (!loop) return 0;
  PacketEngine engine({3, "/nonexistent/h", {}, 16}, *loop, statistics);
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) return 0;
  const inro::UniqueFd host(pair[1]);
  const std::string_view line = "CONNECT 1\nhello";
  if (send(host.get(), line.data(), line.size(), 0) < 0) return 0;
  const auto now = Clock::now();
  engine.OnAccepted(inro::UniqueFd(pair[0]), now);
  const auto ring = [&](std::uint64_t at) {
    return RingAddresses{at, at + 0x400, at + 0x800, kRing, 0};
  };
  if (!engine.Start(guest.memory, 0, ring(kReceive), -1, ring(kTransmit), -1)) std::abort();
  for (int i = 0; i < 4; ++i) engine.Pump(now);
  engine.OnTime(now + std::chrono::seconds(60));
  engine.Stop();
  engine.DropGuestConnections();
  return 0;
}
