#include "guest/init/supervisor_fixture.h"

namespace inro::guest {
namespace {

TEST_F(SupervisorTest, StartsInOrderAndStopsInReverse) {
  Add("a.service", "Before=b.service", "Type=notify\nExecStart=/bin/a");
  Add("b.service", "Requires=a.service", "ExecStart=/bin/b");
  Start("b.service");
  EXPECT_EQ(host.calls, std::vector<std::string>{"a.service /bin/a"});
  const pid_t a = Run("a.service").main_pid;
  supervisor.OnNotify(a + 50, "", ParseNotifyMessage("READY=1"), now);  // a stranger
  EXPECT_EQ(Phase("a.service"), UnitPhase::kStart);
  supervisor.OnNotify(a, "", ParseNotifyMessage("READY=1\nSTATUS=up"), now);
  EXPECT_EQ(Phase("a.service"), UnitPhase::kRunning);
  EXPECT_EQ(Run("a.service").status, "up");
  EXPECT_EQ(Phase("b.service"), UnitPhase::kRunning);
  const pid_t b = Run("b.service").main_pid;
  supervisor.RequestStop(now);
  ASSERT_EQ(host.signals.size(), 1U);
  EXPECT_EQ(host.signals[0], std::pair(b, SIGTERM));
  End(b, SIGTERM);
  ASSERT_EQ(host.signals.size(), 2U);
  EXPECT_EQ(host.signals[1], std::pair(a, SIGTERM));
  EXPECT_FALSE(supervisor.AllStopped());
  End(a, SIGTERM);
  EXPECT_TRUE(supervisor.AllStopped());
}

TEST_F(SupervisorTest, RestartsUntilTheStartLimit) {
  Add("a.service", "StartLimitBurst=3\nOnFailure=f.service",
      "ExecStart=/bin/a\nRestart=on-failure\nRestartSec=1");
  Add("f.service", "", "ExecStart=/bin/f");
  Start("a.service");
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(Phase("a.service"), UnitPhase::kRunning) << i;
    End(Run("a.service").main_pid, Exited(1));
    ASSERT_EQ(Phase("a.service"), UnitPhase::kAutoRestart) << i;
    Pass(999'999);
    EXPECT_EQ(Phase("a.service"), UnitPhase::kAutoRestart);
    Pass(1);
  }
  EXPECT_EQ(Phase("a.service"), UnitPhase::kFailed);
  EXPECT_TRUE(Said("failed unit a.service: started too often"));
  EXPECT_EQ(Phase("f.service"), UnitPhase::kRunning);
}

TEST_F(SupervisorTest, ACleanEndIsNoFailure) {
  Add("a.service", "OnSuccess=s.service", "ExecStart=/bin/a\nRestart=on-failure");
  Add("s.service", "", "ExecStart=/bin/s");
  Start("a.service");
  End(Run("a.service").main_pid, Exited(0));
  EXPECT_EQ(Phase("a.service"), UnitPhase::kInactive);
  EXPECT_EQ(Phase("s.service"), UnitPhase::kRunning);
  EXPECT_EQ(supervisor.requested_action(), unit::SystemAction::kNone);
}

TEST_F(SupervisorTest, TheSystemFollowsAUnitThatSaysSo) {
  Add("a.service", "SuccessAction=poweroff\nFailureAction=reboot", "ExecStart=/bin/a");
  Start("a.service");
  End(Run("a.service").main_pid, SIGSEGV);
  EXPECT_EQ(supervisor.requested_action(), unit::SystemAction::kReboot);
  EXPECT_TRUE(Said("failed unit a.service: killed by SEGV") ||
              Said("failed unit a.service: killed by SIGSEGV"));
}

TEST_F(SupervisorTest, ForkingWaitsForItsPidFile) {
  Add("a.service", "", "Type=forking\nPIDFile=/run/a.pid\nExecStart=/bin/a");
  Start("a.service");
  const pid_t parent = Run("a.service").control_pid;
  ASSERT_GT(parent, 0);
  host.alive["a.service"].insert(7777);  // the daemon
  End(parent, Exited(0));
  EXPECT_EQ(Phase("a.service"), UnitPhase::kStart);
  EXPECT_NE(supervisor.NextDeadline(), kNever);
  host.main_process = 7777;
  Pass(50'000);
  EXPECT_EQ(Phase("a.service"), UnitPhase::kRunning);
  EXPECT_EQ(Run("a.service").main_pid, 7777);
  End(7777, Exited(1));
  EXPECT_EQ(Phase("a.service"), UnitPhase::kFailed);
}

TEST_F(SupervisorTest, TimeRunsOutInStartAndStop) {
  Add("a.service", "", "Type=notify\nExecStart=/bin/a\nTimeoutStartSec=5\nTimeoutStopSec=2");
  Start("a.service");
  const pid_t pid = Run("a.service").main_pid;
  Pass(5'000'000);
  EXPECT_EQ(Phase("a.service"), UnitPhase::kStopSigterm);
  Pass(2'000'000);
  EXPECT_EQ(Phase("a.service"), UnitPhase::kStopSigkill);
  EXPECT_EQ(host.signals.back(), std::pair(pid, SIGKILL));
  End(pid, SIGKILL);
  EXPECT_EQ(Phase("a.service"), UnitPhase::kFailed);
  EXPECT_TRUE(Said("time ran out in start"));
}

TEST_F(SupervisorTest, MainPidCanBeNamed) {
  Add("a.service", "", "Type=notify\nNotifyAccess=all\nExecStart=/bin/a");
  Start("a.service");
  const pid_t first = Run("a.service").main_pid;
  supervisor.OnNotify(first, "", ParseNotifyMessage("MAINPID=4242\nREADY=1"), now);
  EXPECT_EQ(Run("a.service").main_pid, 4242);
  supervisor.OnExit(first, Exited(1), now);  // only a helper by now
  EXPECT_EQ(Phase("a.service"), UnitPhase::kRunning);
}

TEST_F(SupervisorTest, BoundUnitsStopTogether) {
  Add("a.service", "", "ExecStart=/bin/a");
  Add("b.service", "BindsTo=a.service\nAfter=a.service", "ExecStart=/bin/b\nRestart=always");
  Start("b.service");
  const pid_t b = Run("b.service").main_pid;
  End(Run("a.service").main_pid, Exited(0));
  EXPECT_EQ(host.signals.back(), std::pair(b, SIGTERM));
  End(b, SIGTERM);
  EXPECT_EQ(Phase("b.service"), UnitPhase::kInactive);
}

TEST_F(SupervisorTest, ARequiredUnitThatFailsTakesItsFriendsAlong) {
  Add("a.service", "Before=b.service c.service", "ExecStart=/bin/missing");
  Add("b.service", "Requires=a.service", "ExecStart=/bin/b");
  Add("c.service", "Wants=a.service", "ExecStart=/bin/c");
  Add("t.target", "Wants=b.service c.service", "");
  Start("t.target");
  EXPECT_EQ(Phase("a.service"), UnitPhase::kFailed);
  EXPECT_TRUE(Said("failed unit b.service: dependency a.service failed"));
  EXPECT_EQ(Phase("c.service"), UnitPhase::kRunning);
}

TEST_F(SupervisorTest, ConditionsSkipAndOneshotsRunTheirCommandsInTurn) {
  Add("no.service", "ConditionPathExists=/no", "ExecStart=/bin/no");
  Add("a.service", "ConditionPathExists=!/no",
      "Type=oneshot\nRemainAfterExit=yes\nExecStart=-/bin/1\nExecStart=/bin/2");
  Start("no.service");
  EXPECT_EQ(Phase("no.service"), UnitPhase::kInactive);
  // However often a target pulls it in, it stays skipped and does not fail.
  for (int i = 0; i < 20; ++i) Start("no.service");
  EXPECT_EQ(Phase("no.service"), UnitPhase::kInactive);
  Start("a.service");
  End(Run("a.service").main_pid, Exited(1));
  ASSERT_EQ(host.calls.back(), "a.service /bin/2");
  End(Run("a.service").main_pid, Exited(0));
  EXPECT_EQ(Phase("a.service"), UnitPhase::kExited);
}

TEST(NotifyMessageTest, TakesWhatItKnows) {
  const auto message = ParseNotifyMessage(
      "READY=1\nSTOPPING=0\nX=\n=\nnonsense\nMAINPID=12\nEXTEND_TIMEOUT_USEC=1000\nSTATUS=a=b");
  EXPECT_TRUE(message.ready);
  EXPECT_FALSE(message.stopping);
  EXPECT_EQ(message.main_pid, 12);
  EXPECT_EQ(message.extend_timeout, Time(1000));
  EXPECT_EQ(message.status, "a=b");
  EXPECT_FALSE(ParseNotifyMessage("MAINPID=1x").main_pid);
  EXPECT_FALSE(ParseNotifyMessage("EXTEND_TIMEOUT_USEC=-5").extend_timeout);
  // The longest that can be asked for is a day: a sum with the clock cannot overflow.
  EXPECT_EQ(ParseNotifyMessage("EXTEND_TIMEOUT_USEC=9223372036854775807").extend_timeout,
            Time(86'400'000'000));
}

}  // namespace
}  // namespace inro::guest
