#include "vmm/guest/boot_watch.h"

#include <gtest/gtest.h>

#include "sys/file.h"

namespace inro::vmm {
namespace {

using namespace std::chrono_literals;
using Clock = BootWatch::Clock;

class BootWatchTest : public testing::Test {
 protected:
  void Feed(std::string_view text, std::chrono::milliseconds at = 0ms) {
    watch_.Feed(text, start_ + at);
  }
  const Clock::time_point start_ = Clock::now();
  BootWatch watch_{start_};
};

TEST_F(BootWatchTest, FollowsAnInitrdWithInrosInit) {
  EXPECT_EQ(watch_.missing(), BootStep::kKernel);
  Feed("[    0.000000] Linux version 6.1.0\r\n", 900ms);
  EXPECT_EQ(watch_.missing(), BootStep::kInit);
  Feed("[    2.500000] Run /init as init process\r\n", 3400ms);
  Feed("[    2.600000] inro-init: root mounted\r\n", 3500ms);
  EXPECT_EQ(watch_.missing(), BootStep::kUnits);
  Feed("[    2.700000] inro-init: reached kata-containers.target\r\n", 3600ms);
  // The target implies the units, though their own line was not seen.
  EXPECT_EQ(watch_.missing(), BootStep::kAgent);
  watch_.Mark(BootStep::kAgent, start_ + 3650ms);
  EXPECT_EQ(watch_.missing(), std::nullopt);
  EXPECT_EQ(watch_.reached(BootStep::kTarget)->uptime, 2'700'000us);
  EXPECT_EQ(watch_.reached(BootStep::kTarget)->seen, start_ + 3600ms);
  EXPECT_FALSE(watch_.reached(BootStep::kUnits).has_value());
  EXPECT_EQ(watch_.first_serious(), nullptr);
}

TEST_F(BootWatchTest, FollowsSystemdOnTheConsole) {
  Feed("[  OK  ] Reached target \x1b[0;1;39mkata-containers.target\x1b[0m - Kata.\r\n");
  EXPECT_TRUE(watch_.reached(BootStep::kTarget).has_value());
  EXPECT_TRUE(watch_.reached(BootStep::kUnits).has_value());
  EXPECT_EQ(watch_.missing(), BootStep::kAgent);
}

struct FaultCase {
  std::string_view line;
  FaultKind kind;
};

TEST_F(BootWatchTest, KnowsFaults) {
  const FaultCase cases[] = {
      {"Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100",
       FaultKind::kPanic},
      {"BUG: kernel NULL pointer dereference, address: 0000000000000000", FaultKind::kOops},
      {"Oops: 0002 [#1] PREEMPT SMP NOPTI", FaultKind::kOops},
      {"WARNING: CPU: 0 PID: 1 at kernel/x.c:1 f+0x1/0x2", FaultKind::kOops},
      {"Out of memory: Killed process 88 (chronyd) total-vm:1kB", FaultKind::kOutOfMemory},
      {"chronyd invoked oom-killer: gfp_mask=0x0", FaultKind::kOutOfMemory},
      {"systemd[1]: Failed to start chrony.service - chrony.", FaultKind::kFailedUnit},
      {"[FAILED] Failed to start chrony.service.", FaultKind::kFailedUnit},
      {"inro-init: failed unit chrony.service: status 1", FaultKind::kFailedUnit},
      {"chronyd[77]: segfault at 0 ip 0000 sp 0000 error 4 in x[1000]", FaultKind::kCrash},
      {"EXT4-fs error (device nvme0n1p1): x", FaultKind::kStorage},
      {"watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [x:1]", FaultKind::kStall},
      {"rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:", FaultKind::kStall},
  };
  for (const FaultCase& fault : cases) {
    BootWatch watch(start_);
    watch.Feed(fmt::format("[    1.000000] {}\r\n", fault.line), start_);
    ASSERT_EQ(watch.faults().size(), 1u) << fault.line;
    EXPECT_EQ(watch.faults()[0].kind, fault.kind) << fault.line;
    EXPECT_EQ(watch.faults()[0].line, fault.line);
    EXPECT_EQ(watch.fatal() != nullptr, fault.kind == FaultKind::kPanic) << fault.line;
    EXPECT_EQ(watch.first_serious() != nullptr, fault.kind != FaultKind::kStall) << fault.line;
    EXPECT_EQ(watch.stood_still(), fault.line.find("soft lockup") != std::string::npos)
        << fault.line;
  }
}

TEST_F(BootWatchTest, OrdinaryLinesAreNoFaults) {
  Feed(
      "[    0.1] Spectre V2 : Mitigation: Retpolines\r\n"
      "[    0.100000] ACPI BIOS Warning (bug): x\r\n"
      "[    1.000000] systemd[1]: Started x\r\n"
      "panic=-1 oops=panic\r\n"
      "[    0.000000] Command line: panic=-1 quiet\r\n"
      "[  OK  ] Started chrony.service.\r\n");
  EXPECT_TRUE(watch_.faults().empty()) << watch_.faults()[0].line;
}

TEST_F(BootWatchTest, ExplainsWhatIsMissing) {
  Feed("[    0.000000] Linux version 6.1.0\r\nfirst\r\nsecond\r\n", 900ms);
  const std::string text = watch_.Explain(2);
  EXPECT_NE(text.find("900 ms  the kernel started\n"), std::string::npos) << text;
  EXPECT_NE(text.find("missing     init started\n"), std::string::npos) << text;
  EXPECT_NE(text.find("last 2 lines of the console:\n  | first\n  | second\n"), std::string::npos)
      << text;
}

TEST_F(BootWatchTest, MemoryIsBounded) {
  for (int i = 0; i < 5000; ++i) Feed("BUG: again\n");
  EXPECT_EQ(watch_.faults().size(), 100u);
  EXPECT_EQ(watch_.LastLines(100'000).size(), 200u);
}

TEST(ConsoleTail, ReadsWhatWasAppended) {
  auto dir = sys::TempDir::Create("inro-tail");
  ASSERT_TRUE(dir.has_value());
  const std::string path = dir->path() + "/console.log";
  ConsoleTail tail(path);
  EXPECT_EQ(tail.Read(), "");
  ASSERT_TRUE(sys::WriteFile(path, "one").has_value());
  EXPECT_EQ(tail.Read(), "one");
  ASSERT_TRUE(sys::WriteFile(path, "one two").has_value());
  EXPECT_EQ(tail.Read(), " two");
  EXPECT_EQ(tail.Read(), "");
}

}  // namespace
}  // namespace inro::vmm
