#include "vmm/time/time_server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <ctime>

#include "protocol/time_message.h"
#include "sys/file.h"
#include "wire/address.h"

namespace inro::vmm {
namespace {

using protocol::TimeBytes;
using protocol::TimeMessage;
using std::chrono::milliseconds;

constexpr std::int64_t kSecond = 1'000'000'000;

class TimeServerTest : public testing::Test {
 protected:
  void SetUp() override {
    auto dir = sys::TempDir::Create("inro-time");
    ASSERT_TRUE(dir.has_value());
    dir_.emplace(std::move(*dir));
    address_.path = dir_->path() + "/h.sock_10123";
  }
  void Serve(std::size_t connections = 64) {
    auto listener = wire::Listen(address_);
    ASSERT_TRUE(listener.has_value()) << listener.error().ToString();
    std::vector<UniqueFd> listeners;
    listeners.push_back(std::move(*listener));
    TimeServerOptions options;
    options.connections = connections;
    options.clock = [this] { return HostTime{now_.fetch_add(1000), true}; };
    auto server = TimeServer::Start(std::move(listeners), std::move(options));
    ASSERT_TRUE(server.has_value());
    server_ = std::move(*server);
  }
  UniqueFd Dial() {
    auto socket = wire::Connect(address_, milliseconds(60'000));
    EXPECT_TRUE(socket.has_value());
    if (!socket) return UniqueFd();
    const timeval limit{60, 0};
    ::setsockopt(socket->get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return std::move(*socket);
  }
  static std::optional<TimeMessage> Receive(const UniqueFd& socket) {
    TimeBytes bytes;
    if (::recv(socket.get(), bytes.data(), bytes.size(), MSG_WAITALL) !=
        static_cast<ssize_t>(bytes.size())) {
      return std::nullopt;
    }
    return protocol::ParseTimeMessage(bytes);
  }
  static std::optional<TimeMessage> Ask(const UniqueFd& socket, const TimeMessage& request) {
    const TimeBytes bytes = Encode(request);
    EXPECT_EQ(::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
    return Receive(socket);
  }

  std::optional<sys::TempDir> dir_;
  wire::Address address_;
  std::atomic<std::int64_t> now_ = 100 * kSecond;
  std::unique_ptr<TimeServer> server_;
};

TEST_F(TimeServerTest, AnswersOverAHeldStream) {
  Serve();
  const UniqueFd socket = Dial();
  for (std::uint64_t i = 1; i <= 3; ++i) {
    const auto answer = Ask(socket, {.sequence = i, .t1 = 42});
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->kind, TimeMessage::Kind::kAnswer);
    EXPECT_EQ(answer->sequence, i);
    EXPECT_EQ(answer->t1, 42);
    EXPECT_GE(answer->t2, 100 * kSecond);
    EXPECT_GT(answer->t3, answer->t2);
    EXPECT_EQ(answer->flags, protocol::kHostIsSynchronised);
  }
  EXPECT_EQ(server_->counts().answers, 3u);
  EXPECT_EQ(server_->counts().accepted, 1u);
}

TEST_F(TimeServerTest, ARequestInPiecesAndTwoAtOnce) {
  Serve();
  const UniqueFd socket = Dial();
  const TimeBytes first = Encode(TimeMessage{.sequence = 1});
  const TimeBytes second = Encode(TimeMessage{.sequence = 2});
  ASSERT_EQ(::send(socket.get(), first.data(), 20, 0), 20);
  std::string rest(reinterpret_cast<const char*>(first.data()) + 20, first.size() - 20);
  rest.append(reinterpret_cast<const char*>(second.data()), second.size());
  ASSERT_EQ(::send(socket.get(), rest.data(), rest.size(), 0), static_cast<ssize_t>(rest.size()));
  EXPECT_EQ(Receive(socket)->sequence, 1u);
  EXPECT_EQ(Receive(socket)->sequence, 2u);
}

TEST_F(TimeServerTest, GarbageEndsOnlyItsConnection) {
  Serve();
  const UniqueFd good = Dial();
  const UniqueFd bad = Dial();
  const std::string garbage(48, 'x');
  ASSERT_EQ(::send(bad.get(), garbage.data(), garbage.size(), 0), 48);
  char byte;
  EXPECT_LE(::recv(bad.get(), &byte, 1, 0), 0);
  EXPECT_TRUE(Ask(good, {.sequence = 9}).has_value());
  EXPECT_EQ(server_->counts().refused, 1u);
}

TEST_F(TimeServerTest, TheOneThatWasSilentLongestMakesRoom) {
  Serve(2);
  const UniqueFd first = Dial();
  EXPECT_TRUE(Ask(first, {.sequence = 1}).has_value());
  const UniqueFd second = Dial();
  EXPECT_TRUE(Ask(second, {.sequence = 2}).has_value());
  EXPECT_TRUE(Ask(first, {.sequence = 3}).has_value());  // now `second` was silent longer
  const UniqueFd third = Dial();
  EXPECT_TRUE(Ask(third, {.sequence = 4}).has_value());
  EXPECT_TRUE(Ask(first, {.sequence = 5}).has_value());
  char byte;
  EXPECT_EQ(::recv(second.get(), &byte, 1, 0), 0);
}

TEST_F(TimeServerTest, APeerThatTakesNoAnswersIsClosed) {
  Serve();
  const UniqueFd socket = Dial();
  const TimeBytes request = Encode(TimeMessage{.sequence = 1});
  const timeval limit{60, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  bool closed = false;
  for (int i = 0; i < 200'000 && !closed; ++i) {
    closed = ::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0 &&
             (errno == EPIPE || errno == ECONNRESET);
  }
  EXPECT_TRUE(closed);
  EXPECT_EQ(server_->counts().refused, 1u);
}

TEST_F(TimeServerTest, AListenerComesLater) {
  auto server = TimeServer::Start({});
  ASSERT_TRUE(server.has_value());
  auto listener = wire::Listen(address_);
  ASSERT_TRUE(listener.has_value());
  (*server)->AddListener(std::move(*listener));
  const UniqueFd socket = Dial();
  const std::int64_t before = ReadHostClock().nanoseconds;
  const auto answer = Ask(socket, {.sequence = 1});
  ASSERT_TRUE(answer.has_value());
  EXPECT_GE(answer->t2, before);
  EXPECT_GE(answer->t3, answer->t2);
}

}  // namespace
}  // namespace inro::vmm
