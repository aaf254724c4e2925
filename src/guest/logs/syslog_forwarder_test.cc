#include "guest/logs/syslog_forwarder.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include "sys/file.h"

namespace inro::guest::logs {
namespace {

TEST(SyslogForwarder, DatagramsAreThoseOfTheCLibrary) {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  Record record{.realtime_us = 1'700'000'000'000'000,
                .pid = 7,
                .priority = 4,
                .source = Source::kStdout,
                .identifier = "app",
                .message = "text: more"};
  EXPECT_EQ(SyslogDatagram(record), "<28>Nov 14 22:13:20 app[7]: text: more");
  record.pid = 0;
  record.identifier = "";
  EXPECT_EQ(SyslogDatagram(record), "<28>Nov 14 22:13:20 unknown: text: more");
  record.line = "<84>Nov 14 22:13:21 sshd: as it came";
  EXPECT_EQ(SyslogDatagram(record), record.line);
}

TEST(SyslogForwarder, NeverWaitsAndCountsWhatAListenerDidNotTake) {
  const auto folder = sys::TempDir::Create("inro-syslog");
  ASSERT_TRUE(folder);
  const std::string path = folder->path() + "/syslog";
  SyslogForwarder forwarder(path);
  const Record record{.source = Source::kStdout, .identifier = "a", .message = "b"};
  forwarder.Forward(record);
  EXPECT_EQ(forwarder.TakeLost(), 0U) << "nobody listens";
  const UniqueFd daemon(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  std::memcpy(at.sun_path, path.data(), path.size());
  ASSERT_EQ(::bind(daemon.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
  forwarder.Forward(record);
  char bytes[256];
  const ssize_t got = ::recv(daemon.get(), bytes, sizeof bytes, 0);
  ASSERT_GT(got, 0);
  EXPECT_TRUE(std::string(bytes, static_cast<std::size_t>(got)).ends_with(" a: b"));
  EXPECT_EQ(forwarder.TakeLost(), 0U);
  for (int i = 0; i < 5000; ++i) forwarder.Forward(record);  // more than any queue has
  EXPECT_GT(forwarder.TakeLost(), 0U);
  EXPECT_EQ(forwarder.TakeLost(), 0U);
}

}  // namespace
}  // namespace inro::guest::logs
