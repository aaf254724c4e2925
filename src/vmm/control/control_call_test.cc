#include "vmm/control/control_call.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "sys/file.h"
#include "wire/address.h"

namespace inro::vmm {
namespace {

using std::chrono::milliseconds;

// A hybrid socket whose guest refuses the first `refusals` connections.
class YoungGuest {
 public:
  explicit YoungGuest(const std::string& path, int refusals) : refusals_(refusals) {
    wire::Address address;
    address.path = path;
    auto listener = wire::Listen(address);
    EXPECT_TRUE(listener.has_value());
    if (!listener) return;
    listener_ = std::move(*listener);
    ::fcntl(listener_.get(), F_SETFL, 0);  // accept waits
    thread_ = std::thread([this] { Serve(); });
  }
  ~YoungGuest() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
  }
  int asked() const { return asked_; }

 private:
  void Serve() {
    while (true) {
      UniqueFd peer(::accept(listener_.get(), nullptr, nullptr));
      if (!peer) return;
      char bytes[64];
      if (::read(peer.get(), bytes, sizeof bytes) <= 0) continue;
      if (++asked_ <= refusals_) continue;
      (void)!::write(peer.get(), "OK 7\n", 5);
      taken_ = std::move(peer);
    }
  }

  const int refusals_;
  std::atomic<int> asked_ = 0;
  UniqueFd listener_;
  UniqueFd taken_;
  std::thread thread_;
};

class ControlCallTest : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = sys::TempDir::Create("inro-control");
    ASSERT_TRUE(folder.has_value());
    folder_ = std::make_unique<sys::TempDir>(std::move(*folder));
    guest_.socket = folder_->path() + "/h.sock";
  }
  std::unique_ptr<sys::TempDir> folder_;
  GuestAddress guest_;
};

TEST_F(ControlCallTest, WaitsForThePortOfAGuestThatIsJustUp) {
  const YoungGuest guest(guest_.socket, 2);
  const auto client = ConnectControl(guest_, milliseconds(60'000));
  EXPECT_TRUE(client.has_value()) << client.error().ToString();
  EXPECT_EQ(guest.asked(), 3);
}

TEST_F(ControlCallTest, SaysThatNobodyListensWhenTheTimeIsOver) {
  const YoungGuest guest(guest_.socket, 1 << 30);
  const auto client = ConnectControl(guest_, milliseconds(300));
  ASSERT_FALSE(client.has_value());
  EXPECT_EQ(client.error().kind(), ErrorKind::kClosed);
  EXPECT_NE(client.error().ToString().find("role control of guest"), std::string::npos);
}

TEST_F(ControlCallTest, DoesNotWaitForAGuestThatIsGone) {
  const auto began = std::chrono::steady_clock::now();
  const auto client = ConnectControl(guest_, milliseconds(120'000));
  EXPECT_FALSE(client.has_value());
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(60));
}

}  // namespace
}  // namespace inro::vmm
