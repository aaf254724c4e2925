// chronyd's protocols: bytes recorded from chrony 4.3, and, where chronyd is installed, the daemon
// itself, which does not touch the system's clock here (-x).
#include "guest/clock/chrony.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <ctime>
#include <thread>

#include "guest/clock/keeper.h"
#include "protocol/refclock.h"
#include "sys/file.h"
#include "sys/spawn.h"

namespace inro::guest::clock {
namespace {

using Bytes = std::vector<std::uint8_t>;

TEST(ChronyProtocol, ResetAsChronycSendsIt) {
  const Bytes expected = {6, 1, 0, 0, 0, 66, 0, 0, 0xf3, 0x59, 0x27, 0x5a, 0, 0,
                          0, 0, 0, 0, 0, 0,  0, 0, 0,    0,    0,    0,    0, 0};
  EXPECT_EQ(EncodeChronyRequest(ChronyCommand::kResetSources, 0xf359275a), expected);
  const Bytes reply = {6, 2, 0,    0,    0,    66,   0, 1, 0, 0, 0, 0, 0, 0,
                       0, 0, 0xf3, 0x59, 0x27, 0x5a, 0, 0, 0, 0, 0, 0, 0, 0};
  EXPECT_TRUE(ParseChronyReply(reply, ChronyCommand::kResetSources, 0xf359275a));
  EXPECT_FALSE(ParseChronyReply(reply, ChronyCommand::kResetSources, 1));
  EXPECT_FALSE(ParseChronyReply(reply, ChronyCommand::kTracking, 0xf359275a));
  Bytes refused = reply;
  refused[9] = 2;  // unauthorised
  EXPECT_FALSE(ParseChronyReply(refused, ChronyCommand::kResetSources, 0xf359275a));
  for (std::size_t size = 0; size < reply.size(); ++size) {
    EXPECT_FALSE(
        ParseChronyReply(std::span(reply).first(size), ChronyCommand::kResetSources, 0xf359275a));
  }
}

TEST(ChronyProtocol, TrackingOfADaemonThatKnowsNothing) {
  EXPECT_EQ(EncodeChronyRequest(ChronyCommand::kTracking, 1).size(), 104u);
  Bytes data(76);
  data[27] = 3;  // leap: not synchronised
  data[64] = data[68] = 4;
  data[65] = data[69] = 0x80;
  const auto tracking = ParseTracking(data);
  ASSERT_TRUE(tracking.has_value());
  EXPECT_FALSE(tracking->synchronised());
  EXPECT_EQ(tracking->ReferenceName(), "");
  EXPECT_EQ(tracking->root_delay, 1.0);
  EXPECT_EQ(tracking->root_dispersion, 1.0);
  EXPECT_EQ(tracking->offset, 0.0);
  EXPECT_FALSE(ParseTracking(std::span(data).first(75)));
}

TEST(ChronyProtocol, Numbers) {
  EXPECT_EQ(ParseChronyFloat(0), 0.0);
  EXPECT_EQ(ParseChronyFloat(0x04800000), 1.0);
  EXPECT_EQ(ParseChronyFloat(0x05800000), -1.0);               // coefficient's sign
  EXPECT_EQ(ParseChronyFloat(0xfe800000), std::ldexp(1, -3));  // exponent's sign
  for (const std::uint32_t bits : {0xffffffffU, 0x7fffffffU, 0x80000000U}) {
    EXPECT_TRUE(std::isfinite(ParseChronyFloat(bits)));
  }
}

TEST(ChronyProtocol, ReferenceNames) {
  EXPECT_EQ(Tracking{.reference_id = 0x484f5354}.ReferenceName(), "HOST");
  EXPECT_EQ(Tracking{.reference_id = 0x50505300}.ReferenceName(), "PPS");
  EXPECT_EQ(Tracking{.reference_id = 0xc0000201}.ReferenceName(), "192.0.2.1");
  EXPECT_EQ(Tracking{.reference_id = 0x22222222}.ReferenceName(), "34.34.34.34") << "no quotes";
}

TEST(ChronyProtocol, NobodyThere) {
  ChronyDaemon none("/nonexistent/a", "/nonexistent/b");
  EXPECT_FALSE(none.Runs());
  EXPECT_FALSE(none.WantsSamples());
  EXPECT_FALSE(none.ResetSources());
  EXPECT_FALSE(none.Feed({}));
}

class RealChrony : public testing::Test {
 protected:
  void SetUp() override {
    // The package would also run it, and take the place of another time service: not everybody
    // who builds this wants that. INRO_CHRONYD names one that is only unpacked.
    const char* chosen = std::getenv("INRO_CHRONYD");
    const std::string program =
        chosen != nullptr ? chosen : sys::FindProgram("chronyd", "/usr/sbin:/usr/bin:/sbin");
    if (!sys::Exists(program)) GTEST_SKIP() << "chronyd is not installed (package chrony)";
    auto dir = sys::TempDir::Create("inro-chrony");
    ASSERT_TRUE(dir.has_value());
    dir_.emplace(std::move(*dir));
    ::chmod(dir_->path().c_str(), 0700);
    const std::string folder = dir_->path();
    const std::string conf = folder + "/chrony.conf";
    // A guest's own line, with the socket in this folder.
    std::string refclock(protocol::kSockRefclock);
    const std::size_t socket = refclock.find(protocol::kChronySampleSocket);
    ASSERT_NE(socket, std::string::npos);
    refclock.replace(socket, protocol::kChronySampleSocket.size(), folder + "/s");
    ASSERT_TRUE(sys::WriteFile(conf, fmt::format("{1}bindcmdaddress {0}/c\npidfile {0}/pid\n"
                                                 "cmdport 0\n",
                                                 folder, refclock)));
    pid_ = ::fork();
    ASSERT_GE(pid_, 0);
    if (pid_ == 0) {
      const UniqueFd null(::open("/dev/null", O_RDWR));
      for (int fd = 0; fd < 3; ++fd) ::dup2(null.get(), fd);
      ::execl(program.c_str(), "chronyd", "-d", "-x", "-u", "root", "-f", conf.c_str(), nullptr);
      ::_exit(127);
    }
    daemon_.emplace(folder + "/s", folder + "/c");
    for (int i = 0; i < 600 && !daemon_->Runs(); ++i) Sleep(50);
    if (!daemon_->Runs()) GTEST_SKIP() << "chronyd does not start here";
  }
  void TearDown() override {
    if (pid_ > 0) {
      ::kill(pid_, SIGTERM);
      ::waitpid(pid_, nullptr, 0);
    }
  }
  static void Sleep(int milliseconds) {
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
  }
  std::optional<sys::TempDir> dir_;
  std::optional<ChronyDaemon> daemon_;
  pid_t pid_ = -1;
};

TEST_F(RealChrony, TakesOurSamplesAndForgetsThem) {
  ASSERT_TRUE(daemon_->WantsSamples());
  SystemClock clock;
  const auto synchronised = [&](bool wanted) {
    for (int i = 0; i < 600; ++i) {
      if (wanted) {
        const auto fed =
            daemon_->Feed({.offset = 12'345'678, .round_trip = 1000, .local = clock.Realtime()});
        EXPECT_TRUE(fed.has_value());
      }
      const auto tracking = daemon_->AskTracking();
      EXPECT_TRUE(tracking.has_value()) << tracking.error().ToString();
      if (tracking && tracking->synchronised() == wanted) return tracking;
      Sleep(100);
    }
    return daemon_->AskTracking();
  };
  const auto before = synchronised(true);
  ASSERT_TRUE(before && before->synchronised());
  EXPECT_EQ(before->ReferenceName(), "HOST");
  EXPECT_EQ(before->stratum, 1);
  // It cannot move the clock here (-x), so that what it was told stays.
  EXPECT_NEAR(std::abs(before->last_offset), 0.0123456, 0.02);

  const auto reset = daemon_->ResetSources();
  EXPECT_TRUE(reset.has_value()) << reset.error().ToString();
  EXPECT_TRUE(synchronised(true)->synchronised());
}

// What the guest waits for after its start: three samples, not three times four.
TEST_F(RealChrony, AFewSamplesAreEnough) {
  SystemClock clock;
  int samples = 0;
  for (int i = 0; i < 40; ++i) {
    const auto tracking = daemon_->AskTracking();
    ASSERT_TRUE(tracking.has_value()) << tracking.error().ToString();
    if (tracking->synchronised()) break;
    EXPECT_TRUE(daemon_->Feed({.offset = 1000, .round_trip = 1000, .local = clock.Realtime()}));
    ++samples;
    Sleep(1200);  // chronyd looks for samples once a second
  }
  EXPECT_LE(samples, Keeper::kQuickRounds);
}

}  // namespace
}  // namespace inro::guest::clock
