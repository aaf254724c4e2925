// A real guest at the vsock device: connections, content, refusals, resets, a restart and a sudden
// end. The guest is booted once, in the order of the cases.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <memory>
#include <optional>

#include "sys/file.h"
#include "vsock/guest_machine.h"
#include "vsock/transfer.h"

namespace inro::vsock_guest {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kTransfer = std::uint64_t{64} << 20;
constexpr unsigned kCpuSeconds = 120;

#define EXPECT_DONE(expression)                   \
  do {                                            \
    const auto done = (expression);               \
    EXPECT_TRUE(done) << done.error().ToString(); \
  } while (false)

struct Lab {
  sys::TempDir folder;
  vmm::RunPaths paths;
  GuestFiles files;
  Child device;
  std::optional<Child> guest;
};
std::unique_ptr<Lab> lab;  // made by main()

class VsockGuest : public testing::Test {
 protected:
  void TearDown() override {
    EXPECT_TRUE(lab->device.Running())
        << "the device died: " << sys::ReadFile(lab->paths.folder + "/device.log").value_or("");
  }
  static const std::string& socket() { return socket_path_ = lab->paths.hybrid_socket(); }
  static inline std::string socket_path_;
};

TEST_F(VsockGuest, ThousandConnectionsEcho) { EXPECT_DONE(ConnectSequentially(socket(), 1000)); }

TEST_F(VsockGuest, TwoHundredConcurrentConnectionsEcho) {
  EXPECT_DONE(ConnectConcurrently(socket(), 200));
}

TEST_F(VsockGuest, ContentArrivesInTheGuest) { EXPECT_DONE(SendToGuest(socket(), kTransfer)); }
TEST_F(VsockGuest, ContentArrivesFromTheGuest) {
  EXPECT_DONE(ReceiveFromGuest(socket(), kTransfer));
}

TEST_F(VsockGuest, StalledReaderOfTheHostHoldsUpNobodyElse) {
  EXPECT_DONE(ReceiveFromGuest(socket(), kTransfer, 1s));
  // Bytes that wait for a reader are bounded by the credit of 256 KiB.
  EXPECT_LT(lab->device.ResidentKib(), 32 * 1024);
}

TEST_F(VsockGuest, StalledReaderOfTheGuestGetsAll) {
  EXPECT_DONE(SendToGuest(socket(), kTransfer / 4, kStallingSinkPort));
}

TEST_F(VsockGuest, HostEndsItsDirectionOnly) { EXPECT_DONE(EndWriting(socket())); }

TEST_F(VsockGuest, PortWithoutListenerIsRefused) {
  const auto stream = HostStream::Connect(socket(), 4999);
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().kind(), ErrorKind::kClosed) << stream.error().ToString();
}

TEST_F(VsockGuest, GuestDialsTheHost) {
  constexpr std::uint32_t kPort = 7000;
  const auto listener = ListenForGuest(socket(), kPort);
  ASSERT_TRUE(listener) << listener.error().ToString();
  auto order = HostStream::Connect(socket(), kDialPort);
  ASSERT_TRUE(order) << order.error().ToString();
  EXPECT_DONE(order->Write(&kPort, sizeof kPort));
  auto dialed = AcceptGuest(*listener);
  ASSERT_TRUE(dialed) << dialed.error().ToString();
  std::string said(21, '\0');
  EXPECT_DONE(dialed->Read(said.data(), said.size()));
  EXPECT_EQ(said, "hello from the guest\n");
}

TEST_F(VsockGuest, GuestThatDialsAPortWithoutListenerIsReset) {
  constexpr std::uint32_t kPort = 7001;
  auto order = HostStream::Connect(socket(), kDialPort);
  ASSERT_TRUE(order) << order.error().ToString();
  EXPECT_DONE(order->Write(&kPort, sizeof kPort));
  std::string said(24, '\0');
  EXPECT_DONE(order->Read(said.data(), said.size()));
  EXPECT_EQ(said, "Connection reset by peer");
}

TEST_F(VsockGuest, HostThatLeavesInMidTransferHarmsNobody) { EXPECT_DONE(HostLeaves(socket())); }
TEST_F(VsockGuest, GuestThatLeavesInMidTransferEndsTheStream) {
  EXPECT_DONE(GuestLeaves(socket()));
}

TEST_F(VsockGuest, RestartEndsConnectionsAndHoldsNewOnes) {
  auto old = HostStream::Connect(socket(), kEchoPort);
  ASSERT_TRUE(old) << old.error().ToString();
  EXPECT_DONE(old->Echo("before"));
  auto order = HostStream::Connect(socket(), kRebootPort);
  ASSERT_TRUE(order) << order.error().ToString();
  // The stream ends with the old guest.
  std::array<char, 8> bytes;
  const auto end = order->ReadSome(bytes.data(), bytes.size());
  EXPECT_TRUE(end ? *end == 0 : end.error().kind() == ErrorKind::kClosed)
      << (end ? "bytes came" : end.error().ToString());
  ASSERT_TRUE(AwaitReady(*lab->guest, lab->paths, 1));
  EXPECT_FALSE(old->Echo("after"));
  EXPECT_DONE(ConnectSequentially(socket(), 20));
}

// Last: the first guest is killed; the same device serves a second one.
TEST_F(VsockGuest, KilledInMidTransferLeavesTheDeviceHealthy) {
  auto transfer = BeginTransfer(socket());
  ASSERT_TRUE(transfer) << transfer.error().ToString();
  lab->guest->Kill();
  EXPECT_DONE(AwaitBrokenOff(*transfer));
  EXPECT_TRUE(lab->device.Running());
  EXPECT_DONE(sys::RemoveAll(lab->paths.console_log()));
  lab->guest.reset();
  // Made before the guest is there: held until its driver is up.
  auto early = HostStream::Begin(socket(), 4999);
  ASSERT_TRUE(early) << early.error().ToString();
  auto guest = StartGuest(lab->files, lab->paths, kCpuSeconds);
  ASSERT_TRUE(guest) << guest.error().ToString();
  lab->guest.emplace(std::move(*guest));
  EXPECT_DONE(AwaitReady(*lab->guest, lab->paths));
  // The guest said no to the held one: nobody listens there.
  EXPECT_EQ(early->AwaitOk().error().kind(), ErrorKind::kClosed);
  EXPECT_DONE(ConnectConcurrently(socket(), 50));
}

Result<std::unique_ptr<Lab>> Boot(sys::TempDir folder, GuestFiles files) {
  vmm::RunPaths paths{folder.path()};
  INRO_ASSIGN(Child device, StartDevice(paths));
  INRO_ASSIGN(Child guest, StartGuest(files, paths, kCpuSeconds));
  INRO_TRY(AwaitReady(guest, paths));
  return std::make_unique<Lab>(std::move(folder), std::move(paths), std::move(files),
                               std::move(device), std::move(guest));
}

int RunAll() {
  if (std::system("command -v qemu-system-x86_64 >/dev/null") != 0) {
    fmt::print("SKIPPED: the vsock guest needs qemu-system-x86_64\n");
    return 0;
  }
  auto folder = sys::TempDir::Create("vsock-guest");
  if (!folder) {
    fmt::print("{}\n", folder.error().ToString());
    return 1;
  }
  auto files = MakeGuestFiles(folder->path());
  if (!files) {
    fmt::print("SKIPPED: the vsock guest has no kernel: {}\n", files.error().ToString());
    return 0;
  }
  auto booted = Boot(std::move(*folder), std::move(*files));
  if (!booted) {
    fmt::print("{}\n", booted.error().ToString());
    return 1;
  }
  lab = std::move(*booted);
  const int failed = RUN_ALL_TESTS();
  lab.reset();
  return failed;
}

}  // namespace
}  // namespace inro::vsock_guest

int main(int argc, char** argv) {
  if (const auto code = inro::vsock_guest::MaybeServeDevice(argc, argv)) return *code;
  testing::InitGoogleTest(&argc, argv);
  return inro::vsock_guest::RunAll();
}
