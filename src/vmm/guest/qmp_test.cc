#include "vmm/guest/qmp.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "sys/file.h"

namespace inro::vmm {
namespace {

using namespace std::chrono_literals;

TEST(QmpMessage, KnowsTheFourKinds) {
  using Kind = QmpMessage::Kind;
  EXPECT_EQ(ParseQmpMessage(R"({"QMP": {"version": {}}})")->kind, Kind::kGreeting);
  const auto value = ParseQmpMessage(R"({"return": {"running": true}, "id": 1})");
  EXPECT_EQ(value->kind, Kind::kReturn);
  EXPECT_EQ(value->text, R"({"running":true})");
  const auto error = ParseQmpMessage(R"({"error": {"class": "X", "desc": "no such command"}})");
  EXPECT_EQ(error->kind, Kind::kError);
  EXPECT_EQ(error->text, "no such command");
  const auto event = ParseQmpMessage(R"({"event": "SHUTDOWN", "data": {}})");
  EXPECT_EQ(event->kind, Kind::kEvent);
  EXPECT_EQ(event->text, "SHUTDOWN");
  EXPECT_EQ(ParseQmpMessage("{}")->kind, Kind::kUnknown);
  EXPECT_EQ(ParseQmpMessage(R"({"event": 7})")->text, "");
  EXPECT_FALSE(ParseQmpMessage("").has_value());
  EXPECT_FALSE(ParseQmpMessage("[1]").has_value());
  EXPECT_FALSE(ParseQmpMessage("{\"return\"").has_value());
}

// Plays QEMU on a socket: says `lines` one after another, each after it has read a line.
class FakeQemu {
 public:
  FakeQemu(const std::string& path, std::string greeting, std::vector<std::string> answers) {
    listener_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_.get(), 1), 0);
    thread_ = std::thread([this, greeting = std::move(greeting), answers = std::move(answers)] {
      const UniqueFd peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      (void)sys::WriteAll(peer.get(), greeting, "peer");
      char buffer[1024];
      for (const auto& answer : answers) {
        const ssize_t got = ::read(peer.get(), buffer, sizeof buffer);
        if (got <= 0) return;
        requests_.append(buffer, static_cast<std::size_t>(got));
        (void)sys::WriteAll(peer.get(), answer, "peer");
      }
      while (::read(peer.get(), buffer, sizeof buffer) > 0) {
      }
    });
  }
  ~FakeQemu() { Join(); }
  std::string Join() {
    if (thread_.joinable()) thread_.join();
    return requests_;
  }

 private:
  UniqueFd listener_;
  std::string requests_;
  std::thread thread_;
};

TEST(Qmp, RunsCommandsAndKeepsEvents) {
  auto dir = sys::TempDir::Create("inro-qmp");
  ASSERT_TRUE(dir.has_value());
  const std::string path = dir->path() + "/qmp.sock";
  FakeQemu qemu(path, "{\"QMP\": {}}\r\n",
                {"{\"return\": {}}\r\n",
                 "{\"event\": \"STOP\"}\r\n{\"event\": \"RESUME\"}\r\n{\"return\": {\"a\": 1}}\r\n",
                 "{\"error\": {\"desc\": \"refused\"}}\r\n"});
  {
    auto qmp = Qmp::Connect(path, 60s);
    ASSERT_TRUE(qmp.has_value()) << qmp.error().ToString();
    EXPECT_EQ(qmp->Execute("query-status", 60s).value(), R"({"a":1})");
    EXPECT_EQ(qmp->TakeEvent(), "STOP");
    EXPECT_EQ(qmp->TakeEvent(), "RESUME");
    EXPECT_EQ(qmp->TakeEvent(), "");
    EXPECT_EQ(qmp->Execute("stop", 60s, R"({"x": 2})").error().ToString(), "QMP: stop: refused");
    EXPECT_EQ(qmp->Execute("quit", 50ms).error().kind(), ErrorKind::kTimeout);
  }
  EXPECT_EQ(qemu.Join(),
            "{\"execute\":\"qmp_capabilities\"}\n{\"execute\":\"query-status\"}\n"
            "{\"arguments\":{\"x\":2},\"execute\":\"stop\"}\n");
}

TEST(Qmp, HangUpAndAbsenceAreToldApart) {
  auto dir = sys::TempDir::Create("inro-qmp");
  ASSERT_TRUE(dir.has_value());
  EXPECT_EQ(Qmp::Connect(dir->path() + "/none", 30ms).error().kind(), ErrorKind::kTimeout);
  const std::string path = dir->path() + "/qmp.sock";
  FakeQemu qemu(path, "not JSON\n", {});
  const auto qmp = Qmp::Connect(path, 60s);
  ASSERT_FALSE(qmp.has_value());
  EXPECT_NE(qmp.error().ToString().find("not JSON"), std::string::npos);
}

}  // namespace
}  // namespace inro::vmm
