// A guest that breaks the rules: nothing of it may harm the device, and the next connection is
// served.
#include <sys/eventfd.h>

#include <array>
#include <cstring>

#include "vmm/vsock/device_fixture.h"

namespace inro::vmm {
namespace {

using std::chrono::milliseconds;

class HostileGuestTest : public DeviceFixture {
 protected:
  // The device still serves this guest.
  void ExpectAlive(FakeGuest& guest) {
    std::uint32_t port = 0;
    const HostSocket host = Establish(guest, 4000, port);
    host.Write("alive");
    const auto packet = guest.ReceiveNoCredit();
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->payload, "alive");
    guest.Send(GuestPacket(PacketOp::kReset, 4000, port));
  }
};

constexpr std::uint64_t kMemoryEnd = FakeGuest::kMemorySize;
constexpr std::uint64_t kScratch = FakeGuest::kScratch;

struct ChainRow {
  const char* name;
  std::vector<FakeDescriptor> descriptors;
  std::uint16_t head = 0;
  bool given_back = true;  // the device returns the chain
};

TEST_F(HostileGuestTest, MalformedChains) {
  StartDevice();
  auto guest = Guest();
  // Indirect tables in scratch memory.
  const std::array<FakeDescriptor, 4> tables = {{
      {kScratch + 0x1000, 16, 4, 0},  // at +0: an indirect inside an indirect
      {kScratch + 0x1000, 44, 1, 0},  // at +16: a loop onto itself, as a table of one
      {kScratch + 0x1000, 44, 1, 7},  // at +32: leads out of its table
      {kMemoryEnd - 10, 44, 0, 0},    // at +48: points out of memory
  }};
  std::memcpy(guest->at(kScratch), tables.data(), sizeof tables);
  const std::vector<ChainRow> rows = {
      {"loop of one", {{kScratch, 44, 1, 0}}},
      {"loop of two", {{kScratch, 44, 1, 1}, {kScratch, 44, 1, 0}}},
      {"next out of the table", {{kScratch, 44, 1, 128}}},
      {"next far out of the table", {{kScratch, 44, 1, 65535}}},
      {"past the end of memory", {{kMemoryEnd - 10, 44, 0, 0}}},
      {"beyond memory", {{kMemoryEnd * 2, 44, 0, 0}}},
      {"address overflows", {{~std::uint64_t{0} - 10, 44, 0, 0}}},
      {"length of 4 GiB", {{kScratch, 0xffffffff, 0, 0}}},
      {"no length", {{kScratch, 0, 0, 0}}},
      {"shorter than a header", {{kScratch, 43, 0, 0}}},
      {"wrong direction", {{kScratch, 44, 2, 0}}},
      {"writable part first", {{kScratch, 44, 3, 1}, {kScratch, 44, 0, 0}}},
      {"writable part last", {{kScratch, 44, 1, 1}, {kScratch, 44, 2, 0}}},
      {"indirect and next", {{kScratch, 16, 5, 1}, {kScratch, 44, 0, 0}}},
      {"indirect of a broken length", {{kScratch, 17, 4, 0}}},
      {"indirect of no length", {{kScratch, 0, 4, 0}}},
      {"indirect longer than the ring", {{kScratch, 16 * 129, 4, 0}}},
      {"indirect out of memory", {{kMemoryEnd - 8, 16, 4, 0}}},
      {"indirect in indirect", {{kScratch, 16, 4, 0}}},
      {"indirect loop", {{kScratch + 16, 16, 4, 0}}},
      {"indirect leads out of its table", {{kScratch + 32, 16, 4, 0}}},
      {"indirect points out of memory", {{kScratch + 48, 16, 4, 0}}},
      {"head beyond the ring", {}, 128, false},
      {"head far beyond the ring", {}, 65535, false},
  };
  std::uint64_t malformed = 0;
  for (const ChainRow& row : rows) {
    guest->SendRaw(row.descriptors, row.head);
    EXPECT_TRUE(Reaches(statistics().malformed_chains, ++malformed)) << row.name;
    if (row.given_back) continue;
    // Such an entry is skipped: start afresh to have the indices in step again.
    guest->StopRings();
    guest->StartDriver();
  }
  ExpectAlive(*guest);
  EXPECT_EQ(statistics().malformed_chains.get(), malformed);
}

TEST_F(HostileGuestTest, ManySegmentsInOnePacket) {
  StartDevice();
  auto guest = Guest();
  std::uint32_t port = 0;
  const HostSocket host = Establish(*guest, 1, port);
  // The header torn into bytes, the payload too, in an indirect table.
  const PacketHeader header = GuestPacket(PacketOp::kReadWrite, 1, port, 20);
  std::memcpy(guest->at(kScratch), &header, sizeof header);
  std::memcpy(guest->at(kScratch + 44), "twenty bytes of text", 20);
  std::vector<FakeDescriptor> table;
  for (std::uint16_t i = 0; i < 64; ++i) {
    table.push_back({kScratch + i, 1, static_cast<std::uint16_t>(i < 63 ? 1 : 0),
                     static_cast<std::uint16_t>(i + 1)});
  }
  std::memcpy(guest->at(kScratch + 0x1000), table.data(), table.size() * 16);
  guest->SendRaw(std::array<FakeDescriptor, 1>{{{kScratch + 0x1000, 64 * 16, 4, 0}}});
  EXPECT_EQ(host.Read(20), "twenty bytes of text");
}

TEST_F(HostileGuestTest, AnIndexThatLeapsBreaksTheRingUntilRestart) {
  StartDevice();
  auto guest = Guest();
  guest->SetTransmitIndex(1000);
  guest->KickTransmit();
  const HostSocket waiting = Connect(1);
  EXPECT_TRUE(guest->Receive());  // the other ring goes on
  guest->StopRings();
  guest->StartDriver();
  EXPECT_TRUE(guest->Receive());  // the same request, to the new driver
  ExpectAlive(*guest);
}

TEST_F(HostileGuestTest, BadReceiveBuffersAreGivenBack) {
  StartDevice();
  auto guest = Vmm();
  guest->Attach();
  guest->StartDriver(0);
  // Receive ring at 0x1000, 0x2000: a readable one, a short one, one out of memory, a loop.
  const std::array<FakeDescriptor, 4> bad = {{{kScratch, 4096, 0, 0},
                                              {kScratch, 44, 2, 0},
                                              {kMemoryEnd, 4096, 2, 0},
                                              {kScratch, 100, 3, 3}}};
  std::memcpy(guest->at(0x1000), bad.data(), sizeof bad);
  const std::array<std::uint16_t, 6> available = {0, 4, 0, 1, 2, 3};
  std::memcpy(guest->at(0x2000), available.data(), sizeof available);
  guest->KickReceive();
  const HostSocket host = Connect(1);
  EXPECT_TRUE(Reaches(statistics().malformed_chains, 4));
  guest->StopRings();
  guest->StartDriver();
  EXPECT_TRUE(guest->Receive());
  ExpectAlive(*guest);
}

TEST_F(HostileGuestTest, BadPackets) {
  StartDevice();
  auto guest = Guest();
  std::uint32_t port = 0;
  const HostSocket host = Establish(*guest, 1, port);
  struct Row {
    const char* name;
    PacketHeader header;
    bool reset;  // the guest is answered by a reset
  };
  const auto packet = [&](auto change) {
    PacketHeader header = GuestPacket(PacketOp::kReadWrite, 77, 88);
    change(header);
    return header;
  };
  const std::vector<Row> rows = {
      {"from another guest", packet([](PacketHeader& h) { h.src_cid = 4; }), false},
      {"from the host", packet([](PacketHeader& h) { h.src_cid = 2; }), false},
      {"to another guest", packet([](PacketHeader& h) { h.dst_cid = 5; }), false},
      {"to the hypervisor", packet([](PacketHeader& h) { h.dst_cid = 0; }), false},
      {"to itself", packet([](PacketHeader& h) { h.dst_cid = 3; }), false},
      {"longer than its chain", packet([](PacketHeader& h) { h.len = 1; }), false},
      {"much longer", packet([](PacketHeader& h) { h.len = 0xffffffff; }), false},
      {"no such connection", packet([](PacketHeader&) {}), true},
      {"reset of no connection", packet([](PacketHeader& h) { h.op = PacketOp::kReset; }), false},
      {"seqpacket", packet([](PacketHeader& h) {
         h.type = 2;
         h.op = PacketOp::kRequest;
       }),
       true},
      {"no type", packet([](PacketHeader& h) { h.type = 0; }), true},
      {"no operation", packet([](PacketHeader& h) { h.op = PacketOp::kInvalid; }), true},
      {"unknown operation", packet([](PacketHeader& h) { h.op = PacketOp{99}; }), true},
      {"response to nothing", packet([](PacketHeader& h) { h.op = PacketOp::kResponse; }), true},
  };
  std::uint64_t dropped = 0;
  for (const Row& row : rows) {
    guest->Send(row.header);
    EXPECT_TRUE(Reaches(statistics().dropped_packets, ++dropped)) << row.name;
    const auto answer = guest->Receive(row.reset ? milliseconds(60'000) : milliseconds(10));
    ASSERT_EQ(answer.has_value(), row.reset) << row.name;
    if (!row.reset) continue;
    EXPECT_EQ(answer->header.op, PacketOp::kReset) << row.name;
    EXPECT_EQ(answer->header.type, row.header.type) << row.name;
  }
  // Nor did they touch the connection that stands.
  host.Write("x");
  EXPECT_EQ(guest->ReceiveNoCredit()->payload, "x");
  // On it, what does not belong there resets it.
  guest->Send(GuestPacket(PacketOp{42}, 1, port));
  EXPECT_TRUE(host.AtEnd());
  ExpectAlive(*guest);
}

TEST_F(HostileGuestTest, ARequestForAConnectionThatStandsResetsIt) {
  StartDevice();
  auto guest = Guest();
  std::uint32_t port = 0;
  const HostSocket host = Establish(*guest, 1, port);
  guest->Send(GuestPacket(PacketOp::kRequest, 1, port));
  EXPECT_TRUE(host.AtEnd());
  EXPECT_EQ(guest->ReceiveNoCredit()->header.op, PacketOp::kReset);
}

// Resets owed to a guest that takes none are bounded: its packets wait instead.
TEST_F(HostileGuestTest, AFloodOfStrayPacketsWithoutReceiveBuffers) {
  StartDevice();
  auto guest = Vmm();
  guest->Attach();
  guest->StartDriver(0);
  int sent = 0;
  for (; sent < 1024; ++sent) {
    guest->Send(GuestPacket(PacketOp::kReadWrite, static_cast<std::uint32_t>(sent), 88));
  }
  ASSERT_TRUE(guest->AwaitTransmitted());
  for (int i = 0; i < 60; ++i, ++sent) {
    guest->Send(GuestPacket(PacketOp::kReadWrite, static_cast<std::uint32_t>(sent), 88));
  }
  ASSERT_TRUE(Reaches(statistics().packets_from_guest, 1024));
  std::this_thread::sleep_for(milliseconds(20));  // one more would have come through
  EXPECT_EQ(statistics().packets_from_guest.get(), 1024U);
  guest->PostReceiveBuffers(FakeGuest::kRingSize);
  for (int i = 0; i < sent; ++i) {
    const auto answer = guest->Receive();
    ASSERT_TRUE(answer) << i;
    ASSERT_EQ(answer->header.op, PacketOp::kReset);
    ASSERT_EQ(answer->header.dst_port, static_cast<std::uint32_t>(i));
  }
  ExpectAlive(*guest);
}

struct MessageRow {
  const char* name;
  std::uint32_t request;
  std::vector<std::uint64_t> payload;
  std::size_t cut = 0;  // bytes to leave out at the end of the payload
  int descriptors = 0;
};

// A VMM that breaks the protocol is disconnected; the device waits for the next one.
TEST_F(HostileGuestTest, BadVhostUserMessages) {
  StartDevice();
  const std::vector<MessageRow> rows = {
      {"unknown request", 99, {}},
      {"logging, not offered", 6, {0, 0}},
      {"features not offered", 2, {~std::uint64_t{0}}},
      {"short features", 2, {0}, 4},
      {"protocol features not offered", 16, {~std::uint64_t{0}}},
      {"queue 2", 8, {2}},
      {"queue far out", 8, {0xffffffff}},
      {"ring of 0", 8, {0}},
      {"ring of 65536", 8, {std::uint64_t{65536} << 32}},
      {"address of queue 9", 9, {9, 0, 0, 0, 0}},
      {"short address", 9, {0, 0, 0, 0}},
      {"kick of queue 2", 12, {2}, 0, 1},
      {"kick without a descriptor", 12, {0}},
      {"kick with two descriptors", 12, {0}, 0, 2},
      {"kick that is to be polled", 12, {0x100}},
      {"no memory regions", 5, {0}},
      {"nine memory regions", 5, {9}},
      {"memory table cut off", 5, {1, 0, 4096}, 0, 1},
      {"memory without a descriptor", 5, {1, 0, 4096, 0, 0}},
      {"memory larger than its file", 5, {1, 0, 4096, 0, 0}, 0, 1},
      {"memory of no size", 5, {1, 0, 0, 0, 0}, 0, 1},
      {"memory that overflows", 5, {1, ~std::uint64_t{0}, 4096, 0, 0}, 0, 1},
      {"config longer than its payload", 24, {std::uint64_t{100} << 32}},
      {"payload of 1025", 1, std::vector<std::uint64_t>(129)},
  };
  for (const MessageRow& row : rows) {
    auto guest = Vmm();
    std::vector<UniqueFd> owned;
    std::vector<int> fds;
    for (int i = 0; i < row.descriptors; ++i) {
      owned.emplace_back(eventfd(0, EFD_CLOEXEC));
      fds.push_back(owned.back().get());
    }
    const auto bytes = std::as_bytes(std::span(row.payload));
    guest->SendMessage(VhostUserRequest{row.request}, bytes.first(bytes.size() - row.cut), fds);
    EXPECT_TRUE(guest->DeviceHungUp()) << row.name;
  }
  auto guest = Guest();
  ExpectAlive(*guest);
}

TEST_F(HostileGuestTest, RingsOutsideMemory) {
  StartDevice();
  auto guest = Vmm();
  guest->Attach();
  const VringAddress address{
      0, 0, FakeGuest::kUserBase + kMemoryEnd - 16, FakeGuest::kUserBase, FakeGuest::kUserBase, 0};
  guest->StartRings({0, 0});
  guest->SendMessage(VhostUserRequest::kSetVringAddress, std::as_bytes(std::span(&address, 1)));
  EXPECT_TRUE(guest->DeviceHungUp());
  auto next = Guest();
  ExpectAlive(*next);
}

TEST_F(HostileGuestTest, ASecondVmmIsTurnedAway) {
  StartDevice();
  auto guest = Guest();
  EXPECT_TRUE(Vmm()->DeviceHungUp());
  ExpectAlive(*guest);
}

}  // namespace
}  // namespace inro::vmm
