#include "vmm/guest/readiness.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "sys/file.h"
#include "wire/ttrpc.h"

namespace inro::vmm {
namespace {

using namespace std::chrono_literals;

class CheckHealthTest : public testing::Test {
 protected:
  void SetUp() override {
    int fds[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    ours_.reset(fds[0]);
    agent_.reset(fds[1]);
  }
  void Answer(std::uint32_t stream, const wire::Response& response) {
    const std::string frame =
        wire::EncodeFrame(wire::FrameType::kResponse, stream, wire::Encode(response));
    ASSERT_TRUE(sys::WriteAll(agent_.get(), frame, "agent").has_value());
  }
  UniqueFd ours_;
  UniqueFd agent_;
};

TEST_F(CheckHealthTest, AsksForCheckAndTakesServing) {
  Answer(5, {.payload = "x"});  // of another request
  Answer(7, {.payload = std::string("\x08\x01", 2)});
  ASSERT_TRUE(CheckHealth(ours_.get(), 7, 1s).has_value());
  char buffer[512];
  const ssize_t got = ::recv(agent_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  ASSERT_GT(got, 0);
  std::string_view input(buffer, static_cast<std::size_t>(got));
  wire::FrameReader reader;
  wire::FrameReader::Frame frame;
  ASSERT_TRUE(reader.Take(input, frame));
  EXPECT_EQ(frame.header.stream, 7u);
  wire::Request request;
  ASSERT_TRUE(wire::Decode(frame.data, request));
  EXPECT_EQ(request.service, "grpc.Health");
  EXPECT_EQ(request.method, "Check");
}

TEST_F(CheckHealthTest, NotServingIsAnError) {
  Answer(1, {.payload = std::string("\x08\x02", 2)});
  EXPECT_FALSE(CheckHealth(ours_.get(), 1, 1s).has_value());
}

TEST_F(CheckHealthTest, AStatusIsAnErrorWithItsWords) {
  Answer(1, {.status = {wire::Code::kUnimplemented, "no Check here"}});
  const auto checked = CheckHealth(ours_.get(), 1, 1s);
  ASSERT_FALSE(checked.has_value());
  EXPECT_NE(checked.error().ToString().find("no Check here"), std::string::npos);
}

TEST_F(CheckHealthTest, SilenceAndHangUpAreToldApart) {
  EXPECT_EQ(CheckHealth(ours_.get(), 1, 20ms).error().kind(), ErrorKind::kTimeout);
  agent_.reset();
  EXPECT_EQ(CheckHealth(ours_.get(), 1, 1s).error().kind(), ErrorKind::kClosed);
}

}  // namespace
}  // namespace inro::vmm
