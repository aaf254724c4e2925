#include "vmm/host/guest_address.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstdlib>
#include <optional>
#include <thread>

#include "sys/file.h"
#include "vmm/guest/guest_record.h"
#include "vmm/guest/run_folder.h"
#include "wire/address.h"
#include "wire/hybrid.h"

namespace inro::vmm {
namespace {

using std::chrono::milliseconds;

class GuestAddressTest : public testing::Test {
 protected:
  void SetUp() override {
    auto dir = sys::TempDir::Create("inro-addr");
    ASSERT_TRUE(dir.has_value());
    dir_.emplace(std::move(*dir));
    ::setenv("XDG_RUNTIME_DIR", dir_->path().c_str(), 1);
  }
  void TearDown() override { ::unsetenv("XDG_RUNTIME_DIR"); }
  std::optional<sys::TempDir> dir_;
};

Result<UniqueFd> ListenUnix(const std::string& path) {
  wire::Address address;
  address.path = path;
  return wire::Listen(address);
}

TEST_F(GuestAddressTest, ACid) {
  const auto guest = FindGuest("vsock://42");
  ASSERT_TRUE(guest.has_value()) << guest.error().ToString();
  EXPECT_EQ(guest->kind, GuestAddress::Kind::kCid);
  EXPECT_EQ(guest->cid, 42u);
  EXPECT_EQ(guest->ToString(), "vsock://42");
  for (const char* bad : {"vsock://", "vsock://2", "vsock://x", "vsock://5:1024",
                          "vsock://4294967295", "vsock://-1"}) {
    const auto none = FindGuest(bad);
    ASSERT_FALSE(none.has_value()) << bad;
    EXPECT_EQ(none.error().kind(), ErrorKind::kBadInput) << bad;
  }
}

TEST_F(GuestAddressTest, ANameOfARunningGuest) {
  const auto folder = RunFolder::Create("web-1");
  ASSERT_TRUE(folder.has_value()) << folder.error().ToString();
  const auto guest = FindGuest("web-1");
  ASSERT_TRUE(guest.has_value()) << guest.error().ToString();
  EXPECT_EQ(guest->kind, GuestAddress::Kind::kHybrid);
  EXPECT_EQ(guest->socket, folder->paths().hybrid_socket());
  EXPECT_EQ(guest->ToString(), "web-1");

  const auto other = FindGuest("web-2");
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().kind(), ErrorKind::kBadInput);
  EXPECT_NE(other.error().ToString().find("running: web-1"), std::string::npos)
      << other.error().ToString();
}

TEST_F(GuestAddressTest, NoGuestRuns) {
  const auto none = FindGuest("web");
  ASSERT_FALSE(none.has_value());
  EXPECT_NE(none.error().ToString().find("none is running"), std::string::npos);
  EXPECT_FALSE(FindGuest("").has_value());
  EXPECT_FALSE(FindGuest("..").has_value());
}

TEST_F(GuestAddressTest, AGuestOnTheKernelsVsock) {
  const auto folder = RunFolder::Create("k");
  ASSERT_TRUE(folder.has_value());
  GuestRecord record;
  record.vsock = VsockMode::kKernel;
  record.cid = 77;
  ASSERT_TRUE(WriteGuestRecord(folder->paths(), record).has_value());
  const auto guest = FindGuest("k");
  ASSERT_TRUE(guest.has_value());
  EXPECT_EQ(guest->kind, GuestAddress::Kind::kCid);
  EXPECT_EQ(guest->cid, 77u);
}

TEST_F(GuestAddressTest, APathMustBeASocket) {
  const std::string file = dir_->path() + "/file";
  ASSERT_TRUE(sys::WriteFile(file, "").has_value());
  EXPECT_EQ(FindGuest(file).error().kind(), ErrorKind::kBadInput);
  EXPECT_EQ(FindGuest(dir_->path() + "/none").error().kind(), ErrorKind::kBadInput);
  const auto listener = ListenUnix(dir_->path() + "/h.sock");
  ASSERT_TRUE(listener.has_value());
  EXPECT_TRUE(FindGuest(dir_->path() + "/h.sock").has_value());
  EXPECT_TRUE(FindGuest("hvsock://" + dir_->path() + "/h.sock").has_value());
}

TEST_F(GuestAddressTest, ConnectsThroughTheHandshake) {
  const std::string path = dir_->path() + "/h.sock";
  const auto listener = ListenUnix(path);
  ASSERT_TRUE(listener.has_value());
  ::fcntl(listener->get(), F_SETFL, 0);  // accept waits
  std::string request;
  std::thread device([&] {
    const UniqueFd peer(::accept(listener->get(), nullptr, nullptr));
    char bytes[64];
    const ssize_t got = ::read(peer.get(), bytes, sizeof bytes);
    request.assign(bytes, static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    (void)!::write(peer.get(), "OK 7\n!", 6);
  });
  const auto socket = ConnectGuest(*FindGuest(path), 1024, milliseconds(60'000));
  device.join();
  ASSERT_TRUE(socket.has_value()) << socket.error().ToString();
  EXPECT_EQ(request, "CONNECT 1024\n");
  char byte = 0;
  EXPECT_EQ(::read(socket->get(), &byte, 1), 1);
  EXPECT_EQ(byte, '!');
}

TEST_F(GuestAddressTest, ListensForTheGuestOnceAndPrivately) {
  const std::string path = dir_->path() + "/h.sock";
  const auto device = ListenUnix(path);
  ASSERT_TRUE(device.has_value());
  const GuestAddress guest = *FindGuest(path);
  auto listener = ListenForGuest(guest, 10123);
  ASSERT_TRUE(listener.has_value()) << listener.error().ToString();
  struct stat info{};
  ASSERT_EQ(::stat((path + "_10123").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_FALSE(ListenForGuest(guest, 10123).has_value()) << "a live listener is not replaced";
  // The one that asked whether somebody listens, then nobody.
  EXPECT_TRUE(AcceptFromGuest(guest, listener->get())->valid());
  EXPECT_FALSE(AcceptFromGuest(guest, listener->get())->valid());

  wire::Address address;
  address.path = path + "_10123";
  const auto connected = wire::Connect(address, milliseconds(60'000));
  ASSERT_TRUE(connected.has_value());
  EXPECT_TRUE(AcceptFromGuest(guest, listener->get())->valid());

  listener->reset();
  EXPECT_TRUE(ListenForGuest(guest, 10123).has_value()) << "a stale one is";
}

}  // namespace
}  // namespace inro::vmm
