#include "guest/control/log_service.h"

#include <gmock/gmock.h>
#include <sys/socket.h>

#include <thread>

#include "sys/file.h"
#include "wire/address.h"

namespace inro::guest::control {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A collector that reads the request and sends `answer` to one reader.
class FakeCollector {
 public:
  FakeCollector(const std::string& path, std::string answer) {
    auto listener = wire::Listen({.kind = wire::Address::Kind::kUnix, .path = path});
    EXPECT_TRUE(listener) << listener.error().ToString();
    listener_ = std::move(*listener);
    thread_ = std::thread([this, answer = std::move(answer)] {
      UniqueFd reader;
      while (!reader) {
        wire::Peer peer;
        auto accepted = wire::Accept(listener_.get(), peer);
        if (accepted) reader = std::move(*accepted);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      char buffer[64];
      ssize_t size = -1;
      while ((size = ::recv(reader.get(), buffer, sizeof buffer, 0)) < 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      request.assign(buffer, static_cast<std::size_t>(size));
      EXPECT_EQ(::send(reader.get(), answer.data(), answer.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(answer.size()));
      // Stays open until the other end has gone.
      while (::recv(reader.get(), buffer, sizeof buffer, 0) != 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    });
  }
  ~FakeCollector() { thread_.join(); }
  std::string request;

 private:
  UniqueFd listener_;
  std::thread thread_;
};

class LogServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = sys::TempDir::Create("inro-log-service");
    ASSERT_TRUE(folder);
    folder_.emplace(std::move(*folder));
  }
  std::string Socket() const { return folder_->path() + "/logs.sock"; }
  std::optional<sys::TempDir> folder_;
};

TEST_F(LogServiceTest, AnswersWhenAllThatIsThereIsRead) {
  std::string request;
  {
    FakeCollector collector(Socket(), "{\"seq\":8}\n{\"seq\":9}\n\n");
    const auto answer = ReadLog(Socket(), {.after_seq = 7, .wait_ms = 10'000});
    ASSERT_TRUE(answer) << answer.error().ToString();
    EXPECT_THAT(answer->lines, ElementsAre("{\"seq\":8}", "{\"seq\":9}"));
    request = collector.request;
  }
  EXPECT_EQ(request, "AFTER 7\n");
}

TEST_F(LogServiceTest, AnEmptyAnswerWhenNothingComesInTime) {
  FakeCollector collector(Socket(), "\n");
  const auto answer = ReadLog(Socket(), {.wait_ms = 50});
  ASSERT_TRUE(answer) << answer.error().ToString();
  EXPECT_THAT(answer->lines, IsEmpty());
}

TEST_F(LogServiceTest, NoMoreLinesThanAskedFor) {
  FakeCollector collector(Socket(), "a\nb\nc\n\n");
  const auto answer = ReadLog(Socket(), {.max_lines = 2});
  ASSERT_TRUE(answer) << answer.error().ToString();
  EXPECT_THAT(answer->lines, ElementsAre("a", "b"));
}

TEST_F(LogServiceTest, WithoutACollectorItIsAnError) {
  EXPECT_FALSE(ReadLog(Socket(), {.wait_ms = 10}));
}

}  // namespace
}  // namespace inro::guest::control
