#include "vmm/vsock/vsock_device.h"

#include <sys/stat.h>

#include "vmm/vsock/device_fixture.h"

namespace inro::vmm {
namespace {

using std::chrono::milliseconds;

class VsockDeviceTest : public DeviceFixture {};

TEST_F(VsockDeviceTest, HostConnectsAndBytesFlowBothWays) {
  StartDevice();
  auto guest = Guest();
  std::uint32_t port = 0;
  const HostSocket host = Establish(*guest, 1024, port);
  host.Write("to the guest");
  const auto packet = guest->ReceiveNoCredit();
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->header.op, PacketOp::kReadWrite);
  EXPECT_EQ(packet->header.dst_port, 1024U);
  EXPECT_EQ(packet->payload, "to the guest");
  guest->Send(GuestPacket(PacketOp::kReadWrite, 1024, port, 11), "to the host");
  EXPECT_EQ(host.Read(11), "to the host");
  EXPECT_EQ(statistics().bytes_to_guest.get(), 12U);
  EXPECT_EQ(statistics().bytes_from_guest.get(), 11U);
}

TEST_F(VsockDeviceTest, BytesThatFollowTheConnectLineAreTheGuests) {
  StartDevice();
  auto guest = Guest();
  const HostSocket host = HostSocket::Connect(path());
  host.Write("connect 7\nearly");  // in lower case, as Kata's runtime-rs has it
  const auto request = guest->Receive();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->header.dst_port, 7U);
  guest->Send(GuestPacket(PacketOp::kResponse, 7, request->header.src_port));
  const auto packet = guest->ReceiveNoCredit();
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->payload, "early");
}

TEST_F(VsockDeviceTest, NobodyListensInTheGuest) {
  StartDevice();
  auto guest = Guest();
  const HostSocket host = Connect(99);
  const auto request = guest->Receive();
  ASSERT_TRUE(request);
  guest->Send(GuestPacket(PacketOp::kReset, 99, request->header.src_port));
  EXPECT_TRUE(host.AtEnd());
  EXPECT_TRUE(Falls(statistics().connections, 0));
}

TEST_F(VsockDeviceTest, BadConnectLinesAreRefused) {
  StartDevice();
  auto guest = Guest();
  const std::vector<std::string> lines = {
      "GET / HTTP/1.1\n",     "CONNECT\n",     "CONNECT x\n", "CONNECT -1\n",
      "CONNECT 4294967296\n", "CONNECT 1 2\n", "\n",          "CONNECT " + std::string(100, '7'),
  };
  for (const std::string& line : lines) {
    const HostSocket host = HostSocket::Connect(path());
    host.Write(line);
    EXPECT_TRUE(host.AtEnd()) << line;
  }
  EXPECT_EQ(statistics().refused.get(), 8U);
  EXPECT_FALSE(guest->Receive(milliseconds(20)));
}

TEST_F(VsockDeviceTest, GuestConnectsToAHostListener) {
  StartDevice();
  auto guest = Guest();
  const UniqueFd listener = HostSocket::Listen(path() + "_1025");
  guest->Send(GuestPacket(PacketOp::kRequest, 5, 1025));
  const HostSocket host = HostSocket::Accept(listener);
  const auto response = guest->Receive();
  ASSERT_TRUE(response);
  EXPECT_EQ(response->header.op, PacketOp::kResponse);
  EXPECT_EQ(response->header.buf_alloc, 256U * 1024);
  guest->Send(GuestPacket(PacketOp::kReadWrite, 5, 1025, 3), "log");
  EXPECT_EQ(host.Read(3), "log");
  host.Write("ack");
  const auto packet = guest->ReceiveNoCredit();
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->payload, "ack");
}

TEST_F(VsockDeviceTest, NobodyListensOnTheHost) {
  StartDevice();
  auto guest = Guest();
  guest->Send(GuestPacket(PacketOp::kRequest, 5, 1025));
  const auto reset = guest->Receive();
  ASSERT_TRUE(reset);
  EXPECT_EQ(reset->header.op, PacketOp::kReset);
  EXPECT_EQ(reset->header.src_port, 1025U);
  EXPECT_EQ(reset->header.dst_port, 5U);
}

TEST_F(VsockDeviceTest, AFullBacklogIsDialedAgain) {
  VsockLimits limits;
  limits.dial = kPatience;
  StartDevice(limits);
  auto guest = Guest();
  const UniqueFd listener = HostSocket::Listen(path() + "_9", 0);
  for (std::uint32_t i = 0; i < 5; ++i) guest->Send(GuestPacket(PacketOp::kRequest, 100 + i, 9));
  std::vector<HostSocket> accepted;
  for (int i = 0; i < 5; ++i) {
    std::this_thread::sleep_for(milliseconds(10));
    accepted.push_back(HostSocket::Accept(listener));
  }
  for (int i = 0; i < 5; ++i) {
    const auto response = guest->Receive();
    ASSERT_TRUE(response);
    EXPECT_EQ(response->header.op, PacketOp::kResponse);
  }
}

TEST_F(VsockDeviceTest, HalfCloseByTheHost) {
  StartDevice();
  auto guest = Guest();
  std::uint32_t port = 0;
  const HostSocket host = Establish(*guest, 1, port);
  host.Write("last");
  host.FinishWriting();
  EXPECT_EQ(guest->ReceiveNoCredit()->payload, "last");
  const auto shutdown = guest->ReceiveNoCredit();
  ASSERT_TRUE(shutdown);
  EXPECT_EQ(shutdown->header.op, PacketOp::kShutdown);
  EXPECT_EQ(shutdown->header.flags, kShutdownSend);
  // The other direction still works.
  guest->Send(GuestPacket(PacketOp::kReadWrite, 1, port, 5), "reply");
  EXPECT_EQ(host.Read(5), "reply");
  PacketHeader end = GuestPacket(PacketOp::kShutdown, 1, port);
  end.flags = kShutdownBoth;
  guest->Send(end);
  EXPECT_TRUE(host.AtEnd());
  EXPECT_EQ(guest->ReceiveNoCredit()->header.op, PacketOp::kReset);
  EXPECT_TRUE(Falls(statistics().connections, 0));
}

TEST_F(VsockDeviceTest, HalfCloseByTheGuest) {
  StartDevice();
  auto guest = Guest();
  std::uint32_t port = 0;
  const HostSocket host = Establish(*guest, 1, port);
  guest->Send(GuestPacket(PacketOp::kReadWrite, 1, port, 4), "last");
  PacketHeader end = GuestPacket(PacketOp::kShutdown, 1, port);
  end.flags = kShutdownSend;
  guest->Send(end);
  EXPECT_EQ(host.Read(4), "last");
  EXPECT_TRUE(host.AtEnd());
  host.Write("still read");
  EXPECT_EQ(guest->ReceiveNoCredit()->payload, "still read");
}

TEST_F(VsockDeviceTest, HostCloses) {
  StartDevice();
  auto guest = Guest();
  std::uint32_t port = 0;
  HostSocket host = Establish(*guest, 1, port);
  host.Write("bye");
  host.Close();
  EXPECT_EQ(guest->ReceiveNoCredit()->payload, "bye");
  std::uint32_t told = 0;
  while (told != kShutdownBoth) {
    const auto packet = guest->ReceiveNoCredit();
    ASSERT_TRUE(packet);
    ASSERT_EQ(packet->header.op, PacketOp::kShutdown);
    told |= packet->header.flags;
  }
  guest->Send(GuestPacket(PacketOp::kReset, 1, port));
  EXPECT_TRUE(Falls(statistics().connections, 0));
}

TEST_F(VsockDeviceTest, AGuestThatNeverAnswersAShutdownIsReset) {
  VsockLimits limits;
  limits.close = milliseconds(50);
  StartDevice(limits);
  auto guest = Guest();
  std::uint32_t port = 0;
  HostSocket host = Establish(*guest, 1, port);
  host.Close();
  std::optional<ReceivedPacket> packet;
  do {
    packet = guest->ReceiveNoCredit();
    ASSERT_TRUE(packet);
  } while (packet->header.op == PacketOp::kShutdown);
  EXPECT_EQ(packet->header.op, PacketOp::kReset);
  EXPECT_EQ(statistics().connections.get(), 0U);
}

TEST_F(VsockDeviceTest, GuestResets) {
  StartDevice();
  auto guest = Guest();
  std::uint32_t port = 0;
  const HostSocket host = Establish(*guest, 1, port);
  host.Write(std::string(10000, 'x'));
  guest->Send(GuestPacket(PacketOp::kReset, 1, port));
  EXPECT_TRUE(host.AtEnd());
  EXPECT_TRUE(Falls(statistics().connections, 0));
}

TEST_F(VsockDeviceTest, NeverMoreThanTheGuestsCredit) {
  StartDevice();
  auto guest = Guest();
  std::uint32_t port = 0;
  const HostSocket host = Establish(*guest, 1, port, 1000);
  host.Write(std::string(1500, 'a') + std::string(1500, 'b'));
  std::string got;
  while (got.size() < 1000) {
    const auto packet = guest->ReceiveNoCredit();
    ASSERT_TRUE(packet);
    ASSERT_EQ(packet->header.op, PacketOp::kReadWrite);
    got += packet->payload;
  }
  EXPECT_EQ(got.size(), 1000U);
  // Nothing more but the question for credit.
  const auto question = guest->ReceiveNoCredit();
  ASSERT_TRUE(question);
  EXPECT_EQ(question->header.op, PacketOp::kCreditRequest);
  EXPECT_FALSE(guest->ReceiveNoCredit(milliseconds(50)));
  PacketHeader credit = GuestPacket(PacketOp::kCreditUpdate, 1, port);
  credit.buf_alloc = 4000;
  credit.fwd_cnt = 1000;
  guest->Send(credit);
  while (got.size() < 3000) {
    const auto packet = guest->ReceiveNoCredit();
    ASSERT_TRUE(packet);
    got += packet->payload;
  }
  EXPECT_EQ(got, std::string(1500, 'a') + std::string(1500, 'b'));
}

TEST_F(VsockDeviceTest, ACreditOfNonsenseStopsOnlyItsConnection) {
  StartDevice();
  auto guest = Guest();
  std::uint32_t port = 0;
  const HostSocket host = Establish(*guest, 1, port, 1000);
  PacketHeader credit = GuestPacket(PacketOp::kCreditUpdate, 1, port);
  credit.buf_alloc = 100;
  credit.fwd_cnt = 0xdeadbeef;  // forwarded what was never sent
  guest->Send(credit);
  ASSERT_TRUE(guest->AwaitTransmitted());
  host.Write("x");
  const auto packet = guest->ReceiveNoCredit();
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->header.op, PacketOp::kCreditRequest);
  const HostSocket other = Establish(*guest, 2, port);
}

// The device holds what the credit allows and no more; a reader that comes back gets every byte.
TEST_F(VsockDeviceTest, StalledHostReader) {
  StartDevice();
  auto guest = Guest();
  std::uint32_t port = 0;
  const HostSocket host = Establish(*guest, 1, port);
  std::uint32_t sent = 0;
  std::uint32_t forwarded = 0;
  constexpr std::uint32_t kLimit = 256 * 1024;
  constexpr std::uint32_t kPiece = 32 * 1024;
  const auto send_all_allowed = [&] {
    while (sent - forwarded + kPiece <= kLimit) {
      guest->Send(GuestPacket(PacketOp::kReadWrite, 1, port, kPiece),
                  std::string(kPiece, static_cast<char>('a' + sent / kPiece % 26)));
      sent += kPiece;
    }
  };
  for (;;) {
    send_all_allowed();
    const auto credit = guest->Receive(milliseconds(100));
    if (!credit) break;  // the socket is full and so is the device
    ASSERT_EQ(credit->header.op, PacketOp::kCreditUpdate);
    forwarded = credit->header.fwd_cnt;
  }
  EXPECT_LT(sent, 2U << 20);
  const std::uint32_t before = sent;
  std::string got = host.Read(before);
  ASSERT_EQ(got.size(), before);
  for (std::uint32_t i = 0; i < before; i += kPiece) {
    ASSERT_EQ(got[i], static_cast<char>('a' + i / kPiece % 26));
  }
  const auto credit = guest->Receive();
  ASSERT_TRUE(credit);
  EXPECT_GT(credit->header.fwd_cnt, forwarded);
}

TEST_F(VsockDeviceTest, CreditViolationResets) {
  StartDevice();
  auto guest = Guest();
  std::uint32_t port = 0;
  const HostSocket host = Establish(*guest, 1, port);
  std::optional<ReceivedPacket> packet;
  for (int i = 0; i < 64; ++i) {
    guest->Send(GuestPacket(PacketOp::kReadWrite, 1, port, 65536), std::string(65536, 'x'));
  }
  do {
    packet = guest->ReceiveNoCredit();
    ASSERT_TRUE(packet);
  } while (packet->header.op != PacketOp::kReset);
  EXPECT_EQ(statistics().credit_violations.get(), 1U);
  std::uint32_t other_port = 0;
  // It answers the rest by resets; then the next connection is served.
  ASSERT_TRUE(guest->AwaitTransmitted());
  const HostSocket other = Establish(*guest, 2, other_port);
}

TEST_F(VsockDeviceTest, DataAfterTheHostClosedIsTakenAndDropped) {
  StartDevice();
  auto guest = Guest();
  std::uint32_t port = 0;
  HostSocket host = Establish(*guest, 1, port);
  host.Close();
  for (int i = 0; i < 20; ++i) {
    guest->Send(GuestPacket(PacketOp::kReadWrite, 1, port, 1000), std::string(1000, 'x'));
  }
  EXPECT_TRUE(guest->AwaitTransmitted());
  guest->Send(GuestPacket(PacketOp::kReset, 1, port));
  EXPECT_TRUE(Falls(statistics().connections, 0));
}

// A slow reader gets what a guest process wrote before it closed and ended.
TEST_F(VsockDeviceTest, BytesOutliveTheGuestsEnd) {
  StartDevice();
  auto guest = Guest();
  std::uint32_t port = 0;
  const HostSocket host = Establish(*guest, 1, port);
  constexpr std::uint32_t kPiece = 60'000;
  std::uint32_t sent = 0;
  std::uint32_t forwarded = 0;
  for (int i = 0; i < 20; ++i) {
    if (sent - forwarded + kPiece > 256 * 1024) {
      const auto credit = guest->Receive(milliseconds(100));
      if (!credit) break;
      forwarded = credit->header.fwd_cnt;
      continue;
    }
    guest->Send(GuestPacket(PacketOp::kReadWrite, 1, port, kPiece), std::string(kPiece, 'x'));
    sent += kPiece;
  }
  PacketHeader end = GuestPacket(PacketOp::kShutdown, 1, port);
  end.flags = kShutdownBoth;
  guest->Send(end);
  EXPECT_EQ(guest->ReceiveNoCredit()->header.op, PacketOp::kReset);
  EXPECT_EQ(host.Read(sent).size(), sent);
  EXPECT_TRUE(host.AtEnd());
  EXPECT_TRUE(Falls(statistics().connections, 0));
}

TEST_F(VsockDeviceTest, ThousandsOfIdleConnections) {
  VsockLimits limits;
  limits.max_connections = 300;
  StartDevice(limits);
  auto guest = Guest();
  std::vector<HostSocket> hosts;
  std::uint32_t port = 0;
  for (std::uint32_t i = 0; i < 300; ++i) hosts.push_back(Establish(*guest, 10 + i, port));
  // One more is refused; after one has gone there is room again.
  EXPECT_TRUE(Connect(1).AtEnd());
  guest->Send(GuestPacket(PacketOp::kReset, 309, port));
  ASSERT_TRUE(Falls(statistics().connections, 299));
  hosts.push_back(Establish(*guest, 5, port));
}

TEST(VsockDeviceCreateTest, SocketsArePrivate) {
  const auto folder = sys::TempDir::Create("vsock-test");
  VsockDeviceOptions options;
  options.vhost_socket_path = folder->path() + "/run/v";
  options.hybrid_socket_path = folder->path() + "/run/h";
  const std::string run = folder->path() + "/run";
  {
    const auto device = VsockDevice::Create(std::move(options));
    ASSERT_TRUE(device) << device.error().ToString();
    struct stat info{};
    ASSERT_EQ(stat(run.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0700U);
    for (const char* name : {"/v", "/h"}) {
      ASSERT_EQ(stat((run + name).c_str(), &info), 0);
      EXPECT_TRUE(S_ISSOCK(info.st_mode));
      EXPECT_EQ(info.st_mode & 0777, 0600U);
    }
    // A second device at the same place is refused.
    VsockDeviceOptions again;
    again.vhost_socket_path = run + "/w";
    again.hybrid_socket_path = run + "/h";
    EXPECT_FALSE(VsockDevice::Create(std::move(again)));
  }
  EXPECT_FALSE(sys::Exists(run + "/h"));
  EXPECT_FALSE(sys::Exists(run + "/v"));
  ASSERT_EQ(chmod(run.c_str(), 0755), 0);
  VsockDeviceOptions open_folder;
  open_folder.vhost_socket_path = run + "/v";
  open_folder.hybrid_socket_path = run + "/h";
  const auto refused = VsockDevice::Create(std::move(open_folder));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().ToString().find("chmod 700"), std::string::npos);
}

TEST(VsockDeviceCreateTest, BadOptions) {
  const auto folder = sys::TempDir::Create("vsock-test");
  for (const std::uint64_t cid : {0ULL, 1ULL, 2ULL, 0xffffffffULL}) {
    VsockDeviceOptions options;
    options.vhost_socket_path = folder->path() + "/v";
    options.hybrid_socket_path = folder->path() + "/h";
    options.guest_cid = cid;
    EXPECT_FALSE(VsockDevice::Create(std::move(options))) << cid;
  }
  VsockDeviceOptions options;
  options.vhost_socket_path = folder->path() + "/v";
  options.hybrid_socket_path = folder->path() + "/" + std::string(120, 'h');
  EXPECT_FALSE(VsockDevice::Create(std::move(options)));
}

TEST(VsockDeviceCreateTest, AStaleSocketIsReplaced) {
  const auto folder = sys::TempDir::Create("vsock-test");
  {
    const UniqueFd stale = HostSocket::Listen(folder->path() + "/h");
  }
  ASSERT_TRUE(sys::Exists(folder->path() + "/h"));
  VsockDeviceOptions options;
  options.vhost_socket_path = folder->path() + "/v";
  options.hybrid_socket_path = folder->path() + "/h";
  EXPECT_TRUE(VsockDevice::Create(std::move(options)));
}

}  // namespace
}  // namespace inro::vmm
