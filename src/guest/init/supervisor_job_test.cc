// Jobs at run time: modes, merging, order, and what a unit's change means for others.
#include "guest/init/supervisor_fixture.h"

namespace inro::guest {
namespace {

using testing::Test;
struct SupervisorJobTest : SupervisorTest {
  void SetUp() override {
    Add("a.service", "", "ExecStart=/bin/a");
    Add("b.service", "Requires=a.service\nAfter=a.service", "ExecStart=/bin/b");
  }
  // How often something was asked of the host.
  std::ptrdiff_t Calls(const std::string& call) { return std::ranges::count(host.calls, call); }
};

TEST_F(SupervisorJobTest, AStopTakesRequirersAlongInReverseOrder) {
  EXPECT_EQ(Outcome(Submit(JobKind::kStart, "b.service")), JobOutcome::kDone);
  const pid_t a = Run("a.service").main_pid;
  const pid_t b = Run("b.service").main_pid;
  const JobId stop = Submit(JobKind::kStop, "a.service");
  ASSERT_EQ(host.signals.size(), 1U);  // the one that needs it goes first
  EXPECT_EQ(host.signals[0].first, b);
  EXPECT_EQ(Outcome(stop), JobOutcome::kPending);
  End(b, SIGTERM);
  ASSERT_EQ(host.signals.size(), 2U);
  EXPECT_EQ(host.signals[1].first, a);
  End(a, SIGTERM);
  EXPECT_EQ(Outcome(stop), JobOutcome::kDone);
  EXPECT_EQ(Phase("b.service"), UnitPhase::kInactive);
}

TEST_F(SupervisorJobTest, ARestartRestartsRequirersAfterIt) {
  Submit(JobKind::kStart, "b.service");
  const JobId restart = Submit(JobKind::kRestart, "a.service");
  End(Run("b.service").main_pid, SIGTERM);
  End(Run("a.service").main_pid, SIGTERM);
  EXPECT_EQ(Outcome(restart), JobOutcome::kDone);
  EXPECT_EQ(Phase("a.service"), UnitPhase::kRunning);
  EXPECT_EQ(Phase("b.service"), UnitPhase::kRunning);
  const std::vector<std::string> order{"a.service /bin/a", "b.service /bin/b"};
  ASSERT_GE(host.calls.size(), 2U);
  EXPECT_EQ(std::vector<std::string>(host.calls.end() - 2, host.calls.end()), order);
  EXPECT_EQ(Calls("b.service /bin/b"), 2);
}

TEST_F(SupervisorJobTest, TryRestartLeavesAloneWhatIsDown) {
  EXPECT_EQ(Outcome(Submit(JobKind::kTryRestart, "a.service")), JobOutcome::kDone);
  EXPECT_EQ(host.calls.size(), 0U);
  Submit(JobKind::kRestart, "a.service");  // a plain restart starts it
  EXPECT_EQ(Phase("a.service"), UnitPhase::kRunning);
}

TEST_F(SupervisorJobTest, ModeFailRefusesTheContraryAndReplaceCancelsIt) {
  Add("slow.service", "", "Type=notify\nExecStart=/bin/slow");
  const JobId start = Submit(JobKind::kStart, "slow.service");
  EXPECT_EQ(Outcome(start), JobOutcome::kPending);
  EXPECT_FALSE(supervisor.Submit(JobKind::kStop, "slow.service", JobMode::kFail, now));
  EXPECT_EQ(Outcome(start), JobOutcome::kPending);
  // The same again is the same job.
  EXPECT_EQ(Submit(JobKind::kStart, "slow.service"), start);
  const JobId stop = Submit(JobKind::kStop, "slow.service");
  EXPECT_EQ(Outcome(start), JobOutcome::kCanceled);
  End(Run("slow.service").main_pid, SIGTERM);
  EXPECT_EQ(Outcome(stop), JobOutcome::kDone);
  EXPECT_EQ(Phase("slow.service"), UnitPhase::kInactive);
}

TEST_F(SupervisorJobTest, IgnoreDependenciesStartsOneUnitAlone) {
  Submit(JobKind::kStart, "b.service", JobMode::kIgnoreDependencies);
  EXPECT_EQ(host.calls, std::vector<std::string>{"b.service /bin/b"});
}

TEST_F(SupervisorJobTest, IsolateStopsTheRest) {
  Add("other.service", "", "ExecStart=/bin/other");
  Add("kept.service", "IgnoreOnIsolate=yes", "ExecStart=/bin/kept");
  Add("t.target", "Requires=b.service\nAfter=b.service\nAllowIsolate=yes", "");
  Submit(JobKind::kStart, "other.service");
  Submit(JobKind::kStart, "kept.service");
  const pid_t other = Run("other.service").main_pid;
  const JobId isolate = Submit(JobKind::kStart, "t.target", JobMode::kIsolate);
  ASSERT_EQ(host.signals.size(), 1U);
  EXPECT_EQ(host.signals[0].first, other);
  End(other, SIGTERM);
  EXPECT_EQ(Outcome(isolate), JobOutcome::kDone);
  EXPECT_EQ(Phase("kept.service"), UnitPhase::kRunning);
  EXPECT_EQ(Phase("b.service"), UnitPhase::kRunning);
  EXPECT_FALSE(supervisor.CheckManual(JobKind::kStart, "b.service", JobMode::kIsolate));
}

TEST_F(SupervisorJobTest, AConflictStopsWhatRunsBeforeTheStart) {
  Add("enemy.service", "Conflicts=a.service\nAfter=a.service", "ExecStart=/bin/enemy");
  Submit(JobKind::kStart, "a.service");
  const JobId start = Submit(JobKind::kStart, "enemy.service");
  EXPECT_EQ(Outcome(start), JobOutcome::kPending);
  EXPECT_EQ(Calls("enemy.service /bin/enemy"), 0);
  End(Run("a.service").main_pid, SIGTERM);
  EXPECT_EQ(Outcome(start), JobOutcome::kDone);
  // The other way round the conflict counts too.
  Submit(JobKind::kStart, "a.service");
  EXPECT_EQ(host.signals.back().first, Run("enemy.service").main_pid);
}

TEST_F(SupervisorJobTest, RequisiteDoesNotStartWhatItNeeds) {
  Add("r.service", "Requisite=a.service\nAfter=a.service", "ExecStart=/bin/r");
  EXPECT_EQ(Outcome(Submit(JobKind::kStart, "r.service")), JobOutcome::kDependency);
  EXPECT_EQ(Calls("a.service /bin/a"), 0);
  Submit(JobKind::kStart, "a.service");
  EXPECT_EQ(Outcome(Submit(JobKind::kStart, "r.service")), JobOutcome::kDone);
}

TEST_F(SupervisorJobTest, PartOfFollowsStopsAndRestartsAlone) {
  Add("part.service", "PartOf=a.service\nAfter=a.service", "ExecStart=/bin/part");
  Submit(JobKind::kStart, "a.service");
  EXPECT_EQ(supervisor.Find("part.service"), nullptr);  // no start
  Submit(JobKind::kStart, "part.service");
  Submit(JobKind::kRestart, "a.service");
  End(Run("part.service").main_pid, SIGTERM);
  End(Run("a.service").main_pid, SIGTERM);
  EXPECT_EQ(Calls("part.service /bin/part"), 2);
  Submit(JobKind::kStop, "a.service");
  End(Run("part.service").main_pid, SIGTERM);
  End(Run("a.service").main_pid, SIGTERM);
  EXPECT_EQ(Phase("part.service"), UnitPhase::kInactive);
}

TEST_F(SupervisorJobTest, AnUpheldUnitComesAgain) {
  Add("u.service", "Upholds=a.service", "ExecStart=/bin/u");
  Submit(JobKind::kStart, "u.service");
  EXPECT_EQ(Phase("a.service"), UnitPhase::kRunning);
  End(Run("a.service").main_pid, Exited(1));
  EXPECT_EQ(Phase("a.service"), UnitPhase::kRunning);
  EXPECT_EQ(Calls("a.service /bin/a"), 2);
  Submit(JobKind::kStop, "u.service");
  End(Run("u.service").main_pid, SIGTERM);
  End(Run("a.service").main_pid, Exited(0));
  EXPECT_EQ(Phase("a.service"), UnitPhase::kInactive);
}

TEST_F(SupervisorJobTest, StopsPropagateAndUnneededUnitsGo) {
  Add("p.service", "PropagatesStopTo=a.service", "ExecStart=/bin/p");
  Add("helper.service", "StopWhenUnneeded=yes", "ExecStart=/bin/helper");
  Add("user.service", "Wants=helper.service", "ExecStart=/bin/user");
  for (const char* name : {"a.service", "p.service", "user.service"}) Submit(JobKind::kStart, name);
  Submit(JobKind::kStop, "p.service");
  EXPECT_EQ(Phase("a.service"), UnitPhase::kStopSigterm);
  Submit(JobKind::kStop, "user.service");
  EXPECT_EQ(Phase("helper.service"), UnitPhase::kRunning);
  End(Run("user.service").main_pid, SIGTERM);
  EXPECT_EQ(Phase("helper.service"), UnitPhase::kStopSigterm);
}

TEST_F(SupervisorJobTest, ReloadsRunAndPropagate) {
  Add("one.service", "PropagatesReloadTo=two.service", "ExecStart=/bin/1\nExecReload=/bin/reload");
  Add("two.service", "", "ExecStart=/bin/2\nExecReload=/bin/reload");
  EXPECT_FALSE(supervisor.Submit(JobKind::kReload, "one.service", JobMode::kReplace, now));
  Submit(JobKind::kStart, "one.service");
  Submit(JobKind::kStart, "two.service");
  const JobId reload = Submit(JobKind::kReload, "one.service");
  EXPECT_EQ(Phase("one.service"), UnitPhase::kReload);
  EXPECT_EQ(Phase("two.service"), UnitPhase::kReload);
  End(Run("one.service").control_pid, Exited(0));
  EXPECT_EQ(Outcome(reload), JobOutcome::kDone);
  EXPECT_EQ(Phase("one.service"), UnitPhase::kRunning);
  const pid_t main = Run("two.service").main_pid;
  End(Run("two.service").control_pid, Exited(1));  // a reload that fails leaves it running
  EXPECT_EQ(Phase("two.service"), UnitPhase::kRunning);
  EXPECT_EQ(Run("two.service").main_pid, main);
  EXPECT_FALSE(supervisor.Submit(JobKind::kReload, "a.service", JobMode::kReplace, now));
}

TEST_F(SupervisorJobTest, AJobRunsOutOfTime) {
  Add("slow.service", "JobTimeoutSec=3\nJobTimeoutAction=poweroff",
      "Type=notify\nExecStart=/bin/slow");
  const JobId start = Submit(JobKind::kStart, "slow.service");
  Pass(2'999'999);
  EXPECT_EQ(Outcome(start), JobOutcome::kPending);
  Pass(1);
  EXPECT_EQ(Outcome(start), JobOutcome::kTimeout);
  EXPECT_EQ(supervisor.requested_action(), unit::SystemAction::kPoweroff);
  EXPECT_EQ(Phase("slow.service"), UnitPhase::kStart);  // the unit goes on
}

TEST_F(SupervisorJobTest, ACycleLosesAJobThatIsOnlyWanted) {
  Add("x.service", "After=y.service", "ExecStart=/bin/x");
  Add("y.service", "After=x.service", "ExecStart=/bin/y");
  Add("t.target", "Requires=x.service\nWants=y.service", "");
  Submit(JobKind::kStart, "t.target");
  EXPECT_TRUE(Said("ordering cycle")) << (host.said.empty() ? "" : host.said.front());
  EXPECT_TRUE(Said("y.service is not started"));
  EXPECT_EQ(Phase("x.service"), UnitPhase::kRunning);
}

TEST_F(SupervisorJobTest, ACycleThatIsAllRequiredIsRefused) {
  Add("x.service", "Requires=y.service\nAfter=y.service", "ExecStart=/bin/x");
  Add("y.service", "Requires=x.service\nAfter=x.service", "ExecStart=/bin/y");
  Add("t.target", "Wants=x.service a.service", "");
  Add("boot.target", "Requires=x.service", "");
  const auto refused = supervisor.Submit(JobKind::kStart, "x.service", JobMode::kReplace, now);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::kFailed);
  EXPECT_TRUE(Said("x.service: ordering cycle (x.service after y.service after x.service)"))
      << (host.said.empty() ? "" : host.said.front());
  EXPECT_EQ(Calls("x.service /bin/x"), 0);
  EXPECT_EQ(Calls("y.service /bin/y"), 0);
  EXPECT_EQ(supervisor.pending_jobs(), 0U);
  // What only wants them goes without both.
  Submit(JobKind::kStart, "t.target");
  EXPECT_EQ(Phase("t.target"), UnitPhase::kActive);
  EXPECT_EQ(Phase("a.service"), UnitPhase::kRunning);
  EXPECT_EQ(Calls("x.service /bin/x"), 0);
  EXPECT_EQ(Calls("y.service /bin/y"), 0);
  // A boot goes on.
  EXPECT_TRUE(supervisor.Boot("boot.target", now));
  EXPECT_EQ(Phase("boot.target"), UnitPhase::kActive);
  EXPECT_EQ(Phase("x.service"), UnitPhase::kRunning);
  EXPECT_EQ(Phase("y.service"), UnitPhase::kRunning);
  // What is up is not started again, and so is in no cycle.
  End(Run("x.service").main_pid, Exited(0));
  Submit(JobKind::kStart, "x.service");
  EXPECT_EQ(Phase("x.service"), UnitPhase::kRunning);
}

TEST_F(SupervisorJobTest, WhatCannotBeUsedIsAnError) {
  EXPECT_EQ(
      supervisor.Submit(JobKind::kStart, "absent.service", JobMode::kReplace, now).error().kind(),
      ErrorKind::kNotFound);
  EXPECT_EQ(Outcome(999), JobOutcome::kUnknown);
  EXPECT_EQ(Outcome(Submit(JobKind::kStop, "a.service")), JobOutcome::kDone);
}

TEST_F(SupervisorJobTest, ReloadOfUnitsKeepsWhatRuns) {
  Submit(JobKind::kStart, "b.service");
  const pid_t a = Run("a.service").main_pid;
  files.AddFile("/usr/lib/systemd/system/a.service",
                "[Unit]\nDefaultDependencies=no\nDescription=new\n[Service]\nExecStart=/bin/new\n");
  files.AddFile("/usr/lib/systemd/system/fresh.service",
                "[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/bin/fresh\n");
  supervisor.Reload(std::make_unique<unit::Loader>(files, unit::LoaderOptions{}), now);
  EXPECT_EQ(Run("a.service").main_pid, a);
  EXPECT_EQ(Run("a.service").unit->description, "new");
  Submit(JobKind::kStart, "fresh.service");
  EXPECT_EQ(Phase("fresh.service"), UnitPhase::kRunning);
  Submit(JobKind::kRestart, "a.service");
  End(Run("b.service").main_pid, SIGTERM);
  End(a, SIGTERM);
  EXPECT_EQ(Calls("a.service /bin/new"), 1);
  EXPECT_EQ(Phase("b.service"), UnitPhase::kRunning);
}

TEST_F(SupervisorJobTest, MountsWaitForTheirChild) {
  files.AddFile("/usr/lib/systemd/system/mnt.mount",
                "[Unit]\nDefaultDependencies=no\n[Mount]\nWhat=tmpfs\nWhere=/mnt\nType=tmpfs\n");
  Add("m.service", "RequiresMountsFor=/mnt/data", "ExecStart=/bin/m");
  const JobId start = Submit(JobKind::kStart, "m.service");
  EXPECT_EQ(Phase("mnt.mount"), UnitPhase::kStart);
  EXPECT_EQ(Calls("m.service /bin/m"), 0);
  End(Run("mnt.mount").control_pid, Exited(0));
  EXPECT_EQ(Phase("mnt.mount"), UnitPhase::kActive);
  EXPECT_EQ(Outcome(start), JobOutcome::kDone);
  const JobId stop = Submit(JobKind::kStop, "mnt.mount");
  End(Run("m.service").main_pid, SIGTERM);
  EXPECT_EQ(host.calls.back(), "unmount mnt.mount");
  End(Run("mnt.mount").control_pid, Exited(1));  // busy: it stays
  EXPECT_EQ(Outcome(stop), JobOutcome::kFailed);
  EXPECT_EQ(Phase("mnt.mount"), UnitPhase::kActive);
}

TEST_F(SupervisorJobTest, AMountThatFailsFailsWhatNeedsIt) {
  files.AddFile("/usr/lib/systemd/system/mnt.mount",
                "[Unit]\nDefaultDependencies=no\n[Mount]\nWhat=tmpfs\nWhere=/mnt\nType=tmpfs\n");
  Add("m.service", "RequiresMountsFor=/mnt", "ExecStart=/bin/m");
  const JobId start = Submit(JobKind::kStart, "m.service");
  End(Run("mnt.mount").control_pid, Exited(1));
  EXPECT_EQ(Phase("mnt.mount"), UnitPhase::kFailed);
  EXPECT_EQ(Outcome(start), JobOutcome::kDependency);
}

TEST_F(SupervisorJobTest, SocketsListenBetweenTheirCommands) {
  files.AddFile("/usr/lib/systemd/system/s.socket",
                "[Unit]\nDefaultDependencies=no\n[Socket]\nListenStream=/run/s\n"
                "ExecStartPre=/bin/pre\nExecStopPost=/bin/post\n");
  Add("s.service", "", "ExecStart=/bin/s");
  Submit(JobKind::kStart, "s.socket");
  EXPECT_EQ(Calls("listen s.socket"), 0);
  End(Run("s.socket").control_pid, Exited(0));
  EXPECT_EQ(Calls("listen s.socket"), 1);
  EXPECT_EQ(Phase("s.socket"), UnitPhase::kActive);
  supervisor.FailUnit("s.socket", "trigger-limit-hit", "triggered too often", now);
  EXPECT_EQ(Phase("s.socket"), UnitPhase::kFailed);
  EXPECT_EQ(Run("s.socket").result, "trigger-limit-hit");
  EXPECT_TRUE(supervisor.ResetFailed("s.socket"));
  EXPECT_EQ(Phase("s.socket"), UnitPhase::kInactive);
}

TEST_F(SupervisorJobTest, ASocketThatCannotListenSaysWhy) {
  files.AddFile("/usr/lib/systemd/system/s.socket",
                "[Unit]\nDefaultDependencies=no\n[Socket]\nListenStream=/run/s\n");
  Add("s.service", "", "ExecStart=/bin/s");
  host.listen_error = Error(ErrorKind::kFailed, "bind");
  Submit(JobKind::kStart, "s.socket");
  EXPECT_EQ(Run("s.socket").result, "resources");
  host.listen_error = Error(ErrorKind::kBadInput, "no such user");
  Submit(JobKind::kStart, "s.socket");
  EXPECT_EQ(Phase("s.socket"), UnitPhase::kFailed);
  EXPECT_EQ(Run("s.socket").result, "exit-code");
}

TEST_F(SupervisorJobTest, FiveHundredUnitsCostWhatTheirOrdersAre) {
  std::string wants;
  for (int i = 0; i < 500; ++i) {
    const std::string name = "n" + std::to_string(i) + ".service";
    Add(name, "After=first.target\nBefore=last.target", "ExecStart=/bin/n");
    wants += " " + name;
  }
  Add("first.target", "", "");
  Add("last.target", "Requires=first.target\nWants=" + wants, "");
  EXPECT_EQ(Outcome(Submit(JobKind::kStart, "last.target")), JobOutcome::kDone);
  EXPECT_EQ(host.calls.size(), 500U);
  supervisor.RequestStop(now);
  EXPECT_EQ(host.signals.size(), 500U);
  for (const auto& [pid, signal] : std::vector(host.signals)) End(pid, signal);
  EXPECT_TRUE(supervisor.AllStopped());
}

}  // namespace
}  // namespace inro::guest
