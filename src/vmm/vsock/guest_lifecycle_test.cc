// Boot, pause, reboot and death of the guest, as the device sees them.
#include "vmm/vsock/device_fixture.h"

namespace inro::vmm {
namespace {

using std::chrono::milliseconds;

class GuestLifecycleTest : public DeviceFixture {};

TEST_F(GuestLifecycleTest, AConnectBeforeTheDriverIsHeldAndGoesOutAtOnce) {
  StartDevice();
  const HostSocket before_vmm = Connect(1024);
  auto guest = Vmm();
  guest->Attach();
  const HostSocket before_driver = Connect(1024);
  ASSERT_TRUE(Reaches(statistics().held, 2));
  EXPECT_FALSE(before_vmm.HasBytes(20));
  guest->StartDriver();
  for (int i = 0; i < 2; ++i) {
    const auto request = guest->Receive();
    ASSERT_TRUE(request);
    EXPECT_EQ(request->header.op, PacketOp::kRequest);
    guest->Send(GuestPacket(PacketOp::kResponse, 1024, request->header.src_port));
  }
  EXPECT_TRUE(before_vmm.ReadLine().starts_with("OK "));
  EXPECT_TRUE(before_driver.ReadLine().starts_with("OK "));
}

TEST_F(GuestLifecycleTest, AHolderThatHangsUpIsForgotten) {
  StartDevice();
  HostSocket impatient = Connect(1);
  const HostSocket patient = Connect(2);
  ASSERT_TRUE(Reaches(statistics().held, 2));
  impatient.Close();
  ASSERT_TRUE(Falls(statistics().connections, 1));
  auto guest = Guest();
  const auto request = guest->Receive();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->header.dst_port, 2U);
  EXPECT_FALSE(guest->Receive(milliseconds(20)));
}

// A host process that has no more to say than its CONNECT line is not one that hung up.
TEST_F(GuestLifecycleTest, AHolderThatOnlyStopsWritingStays) {
  StartDevice();
  const HostSocket host = Connect(1);
  host.FinishWriting();
  ASSERT_TRUE(Reaches(statistics().held, 1));
  auto guest = Guest();
  const auto request = guest->Receive();
  ASSERT_TRUE(request);
  guest->Send(GuestPacket(PacketOp::kResponse, 1, request->header.src_port));
  EXPECT_TRUE(host.ReadLine().starts_with("OK "));
}

TEST_F(GuestLifecycleTest, HoldsAreBoundedInNumber) {
  VsockLimits limits;
  limits.hold = 2 * kPatience;
  limits.max_held = 3;
  StartDevice(limits);
  std::vector<HostSocket> held;
  for (int i = 0; i < 3; ++i) held.push_back(Connect(1));
  ASSERT_TRUE(Reaches(statistics().held, 3));
  EXPECT_TRUE(Connect(1).AtEnd());
  EXPECT_EQ(statistics().refused.get(), 1U);
  EXPECT_EQ(statistics().connections.get(), 3U);
}

TEST_F(GuestLifecycleTest, HoldsAreBoundedInTime) {
  VsockLimits limits;
  limits.hold = milliseconds(100);
  StartDevice(limits);
  std::vector<HostSocket> held;
  for (int i = 0; i < 3; ++i) held.push_back(Connect(1));
  for (const HostSocket& host : held) EXPECT_TRUE(host.AtEnd());
  EXPECT_EQ(statistics().expired.get(), 3U);
  const HostSocket silent = HostSocket::Connect(path());  // never sends its line
  EXPECT_TRUE(silent.AtEnd());
}

TEST_F(GuestLifecycleTest, AGuestThatDoesNotAnswerARequest) {
  VsockLimits limits;
  limits.hold = milliseconds(100);
  StartDevice(limits);
  auto guest = Guest();
  const HostSocket host = Connect(1);
  EXPECT_EQ(guest->Receive()->header.op, PacketOp::kRequest);
  EXPECT_TRUE(host.AtEnd());
  EXPECT_EQ(guest->Receive()->header.op, PacketOp::kReset);
}

// The trap of other devices: readiness polled every millisecond while the guest boots.
TEST_F(GuestLifecycleTest, PollsEveryMillisecondDuringBoot) {
  StartDevice();
  std::unique_ptr<FakeGuest> guest;
  for (int i = 0; i < 300; ++i) {
    HostSocket poll = Connect(1024);
    std::this_thread::sleep_for(milliseconds(1));
    poll.Close();
    if (i == 100) guest = Vmm();
    if (i == 150) guest->Attach();
    if (i == 200) guest->StartDriver(0);  // up, but without a receive buffer yet
  }
  guest->PostReceiveBuffers(FakeGuest::kRingSize);
  // Another port: requests of polls that have gone may still come.
  std::uint32_t port = 0;
  const HostSocket host = Establish(*guest, 1025, port);
  EXPECT_TRUE(Falls(statistics().connections, 1));
}

TEST_F(GuestLifecycleTest, RebootEndsConnectionsAndHoldsNewOnes) {
  StartDevice();
  auto guest = Guest();
  std::uint32_t port = 0;
  const HostSocket old = Establish(*guest, 1, port);
  const HostSocket unanswered = Connect(2);
  EXPECT_EQ(guest->Receive()->header.op, PacketOp::kRequest);
  guest->StopRings();
  const HostSocket during = Connect(3);
  ASSERT_TRUE(Reaches(statistics().held, 1));
  guest->StartDriver();
  EXPECT_TRUE(old.AtEnd());
  std::uint32_t ports = 0;
  for (int i = 0; i < 2; ++i) {
    const auto request = guest->Receive();
    ASSERT_TRUE(request);
    EXPECT_EQ(request->header.op, PacketOp::kRequest);
    ports += request->header.dst_port;
    guest->Send(
        GuestPacket(PacketOp::kResponse, request->header.dst_port, request->header.src_port));
  }
  EXPECT_EQ(ports, 5U);
  EXPECT_TRUE(unanswered.ReadLine().starts_with("OK "));
  EXPECT_TRUE(during.ReadLine().starts_with("OK "));
}

TEST_F(GuestLifecycleTest, PauseKeepsConnections) {
  StartDevice();
  auto guest = Guest();
  std::uint32_t port = 0;
  const HostSocket host = Establish(*guest, 1, port);
  const auto bases = guest->StopRings();
  host.Write("while paused");
  // Buffers that were looked at ahead are still the driver's: one was used, for the request.
  EXPECT_EQ(bases[0], 1U);
  EXPECT_EQ(bases[1], 1U);
  guest->StartRings(bases);
  const auto packet = guest->ReceiveNoCredit();
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->payload, "while paused");
}

TEST_F(GuestLifecycleTest, VmmIsKilledInMidTransfer) {
  StartDevice();
  auto guest = Guest();
  std::uint32_t port = 0;
  const HostSocket host = Establish(*guest, 1, port);
  const UniqueFd listener = HostSocket::Listen(path() + "_6");
  guest->Send(GuestPacket(PacketOp::kRequest, 7, 6));
  const HostSocket dialed = HostSocket::Accept(listener);
  std::thread writer([&] { host.Write(std::string(std::size_t{4} << 20, 'x')); });
  ASSERT_TRUE(guest->Receive());
  guest.reset();
  writer.join();
  EXPECT_TRUE(host.AtEnd());
  EXPECT_TRUE(dialed.AtEnd());
  EXPECT_TRUE(Falls(statistics().connections, 0));
  // The next VMM is served.
  guest = Guest();
  const HostSocket again = Establish(*guest, 1, port);
}

TEST_F(GuestLifecycleTest, ResetOwnerEndsEverything) {
  StartDevice();
  auto guest = Guest();
  std::uint32_t port = 0;
  const HostSocket host = Establish(*guest, 1, port);
  guest->SendMessage(VhostUserRequest::kResetOwner, {}, {}, true);
  EXPECT_EQ(guest->ReadReply().size(), 8U);
  EXPECT_TRUE(host.AtEnd());
}

TEST_F(GuestLifecycleTest, MemoryTableMayChangeWhileRunning) {
  StartDevice();
  auto guest = Guest();
  std::uint32_t port = 0;
  const HostSocket host = Establish(*guest, 1, port);
  guest->Attach();  // announces its memory anew, as at memory hot-plug
  host.Write("x");
  const auto packet = guest->ReceiveNoCredit();
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->payload, "x");
}

TEST(VsockDeviceRunTest, AConnectedVmmThatLeavesEndsRun) {
  const auto folder = sys::TempDir::Create("vsock-test");
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  VsockDeviceOptions options;
  options.vhost_fd.reset(pair[0]);
  options.hybrid_socket_path = folder->path() + "/h";
  auto device = VsockDevice::Create(std::move(options));
  ASSERT_TRUE(device) << device.error().ToString();
  std::thread vmm([&] {
    FakeGuest guest{UniqueFd(pair[1])};
    guest.Attach();
    guest.StartDriver();
  });
  EXPECT_TRUE((*device)->Run());
  vmm.join();
}

}  // namespace
}  // namespace inro::vmm
