#include "wire/hybrid.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "sys/file.h"
#include "wire/address.h"

namespace inro::wire {
namespace {

using namespace std::chrono_literals;

TEST(Hybrid, LinesInAnyCase) {
  EXPECT_EQ(ParseHybridRequest("CONNECT 1024"), 1024u);
  EXPECT_EQ(ParseHybridRequest("connect 1"), 1u);
  EXPECT_EQ(ParseHybridReply("OK 1073741824"), 1073741824u);
  EXPECT_EQ(ParseHybridReply("Ok 5"), 5u);
  for (const char* bad : {"", "CONNECT", "CONNECT ", "CONNECT  1", "CONNECT -1", "CONNECT 1 ",
                          "CONNECT 4294967296", "OK 1", "CONNECTED 1", "CONNECT 1x"}) {
    EXPECT_EQ(ParseHybridRequest(bad), std::nullopt) << bad;
  }
}

// A peer that reads the request and then writes `answer` (nothing: it hangs up).
Result<std::string> ConnectTo(std::string_view answer, std::chrono::milliseconds timeout,
                              bool stall = false) {
  auto folder = sys::TempDir::Create("inro-hybrid");
  if (!folder) return std::unexpected(folder.error());
  const std::string path = folder->path() + "/v.sock";
  auto listener = Listen(ParseAddress("unix://" + path).value());
  if (!listener) return std::unexpected(listener.error());
  std::string asked;
  std::atomic<bool> finished = false;
  std::thread peer([&] {
    Peer who;
    UniqueFd socket;
    while (!socket) socket = Accept(listener->get(), who).value();
    while (!asked.ends_with('\n')) {
      char byte = 0;
      if (::read(socket.get(), &byte, 1) == 1) asked += byte;
    }
    // Whoever waits for a stalled peer may have gone by now.
    if (!answer.empty()) {
      const ssize_t sent = ::send(socket.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
      EXPECT_TRUE(stall || sent == static_cast<ssize_t>(answer.size()));
    }
    while (stall && !finished) std::this_thread::sleep_for(1ms);
  });
  auto socket = ConnectHybrid(path, 1024, timeout);
  finished = true;
  peer.join();
  EXPECT_EQ(asked, "CONNECT 1024\n");
  if (!socket) return std::unexpected(socket.error());
  std::string rest(16, 0);
  rest.resize(static_cast<std::size_t>(
      std::max<ssize_t>(0, ::recv(socket->get(), rest.data(), rest.size(), MSG_DONTWAIT))));
  return rest;
}

TEST(Hybrid, ShakesHandsAndLeavesTheConnectionsBytes) {
  EXPECT_EQ(ConnectTo("OK 7\nhello", 60s).value(), "hello");
}

TEST(Hybrid, RefusalsAndSilenceAreErrors) {
  EXPECT_EQ(ConnectTo("", 60s).error().kind(), ErrorKind::kClosed);
  EXPECT_EQ(ConnectTo("NO\n", 60s).error().kind(), ErrorKind::kFailed);
  EXPECT_EQ(ConnectTo(std::string(100, 'x'), 60s).error().kind(), ErrorKind::kFailed);
  EXPECT_EQ(ConnectTo("OK", 50ms, true).error().kind(), ErrorKind::kTimeout);
  EXPECT_EQ(ConnectHybrid("/nonexistent/v.sock", 1, 1s).error().kind(), ErrorKind::kNotFound);
}

}  // namespace
}  // namespace inro::wire
