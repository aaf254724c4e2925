#include "wire/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace inro::wire {
namespace {

using testing::HasSubstr;

TEST(Address, EveryFormRoundTrips) {
  for (const char* text : {"vsock://-1:1024", "vsock://3:1026", "unix:///run/agent.sock",
                           "unix://@abstract", "hvsock:///run/clh.sock:1024"}) {
    const auto address = ParseAddress(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->ToString(), text);
  }
  EXPECT_EQ(ParseAddress("vsock://-1:1024")->cid, kAnyCid);
  EXPECT_EQ(ParseAddress("unix://@a")->kind, Address::Kind::kAbstract);
}

TEST(Address, BadOnesAreBadInput) {
  for (const char* text : {"", "tcp://1:2", "vsock://3", "vsock://x:1", "vsock://3:", "unix://",
                           "vsock://3:99999999999", "hvsock://:5", "unix://@"}) {
    const auto address = ParseAddress(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().kind(), ErrorKind::kBadInput) << text;
  }
}

TEST(Address, TooLongASocketPathIsAnError) {
  const auto listener = Listen(ParseAddress("unix:///tmp/" + std::string(200, 'x')).value());
  ASSERT_FALSE(listener);
  EXPECT_THAT(listener.error().ToString(), HasSubstr("107"));
}

TEST(Address, ConnectSaysThatNothingIsThere) {
  const auto socket =
      Connect(ParseAddress("unix:///nonexistent/socket").value(), std::chrono::milliseconds(100));
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error().kind(), ErrorKind::kNotFound);
}

}  // namespace
}  // namespace inro::wire
