// Services: types, reload, watchdog, what is restarted when, results, stores.
#include <fcntl.h>

#include "guest/init/supervisor_fixture.h"

namespace inro::guest {
namespace {

struct SupervisorServiceTest : SupervisorTest {};

TEST_F(SupervisorServiceTest, TheWatchdogBarksAndTheServiceComesAgain) {
  Add("w.service", "",
      "Type=notify\nExecStart=/bin/w\nWatchdogSec=2\nRestart=on-watchdog\nRestartSec=1");
  Submit(JobKind::kStart, "w.service");
  EXPECT_EQ(host.last_options.watchdog, Time(2'000'000));
  Tell("w.service", "READY=1");
  Pass(1'900'000);
  Tell("w.service", "WATCHDOG=1");
  Pass(1'900'000);
  EXPECT_EQ(Phase("w.service"), UnitPhase::kRunning);
  const pid_t pid = Run("w.service").main_pid;
  Pass(100'000);
  EXPECT_EQ(Phase("w.service"), UnitPhase::kStopWatchdog);
  EXPECT_EQ(host.signals.back(), std::pair(pid, SIGABRT));
  End(pid, SIGABRT);
  EXPECT_EQ(Run("w.service").result, "watchdog");
  EXPECT_EQ(Phase("w.service"), UnitPhase::kAutoRestart);
  Pass(1'000'000);
  Tell("w.service", "READY=1\nWATCHDOG_USEC=500000");
  Pass(500'000);
  EXPECT_EQ(Phase("w.service"), UnitPhase::kStopWatchdog);
}

TEST_F(SupervisorServiceTest, AServiceCanAskForItsWatchdog) {
  Add("w.service", "", "Type=notify\nExecStart=/bin/w\nWatchdogSec=60");
  Submit(JobKind::kStart, "w.service");
  Tell("w.service", "READY=1");
  Tell("w.service", "WATCHDOG=trigger");
  Pass(0);
  EXPECT_EQ(Phase("w.service"), UnitPhase::kStopWatchdog);
}

TEST_F(SupervisorServiceTest, AStopThatRunsOutOfTimeMayAbort) {
  Add("a.service", "",
      "ExecStart=/bin/a\nTimeoutStopSec=2\nTimeoutAbortSec=3\nTimeoutStopFailureMode=abort");
  Submit(JobKind::kStart, "a.service");
  const pid_t pid = Run("a.service").main_pid;
  Submit(JobKind::kStop, "a.service");
  Pass(2'000'000);
  EXPECT_EQ(Phase("a.service"), UnitPhase::kStopWatchdog);
  EXPECT_EQ(host.signals.back(), std::pair(pid, SIGABRT));
  Pass(3'000'000);
  EXPECT_EQ(Phase("a.service"), UnitPhase::kStopSigkill);
  End(pid, SIGKILL);
  EXPECT_EQ(Run("a.service").result, "timeout");
}

TEST_F(SupervisorServiceTest, WithoutSigkillASurvivorIsLeftBe) {
  Add("a.service", "", "ExecStart=/bin/a\nTimeoutStopSec=2\nSendSIGKILL=no");
  Submit(JobKind::kStart, "a.service");
  const pid_t pid = Run("a.service").main_pid;
  const JobId stop = Submit(JobKind::kStop, "a.service");
  Pass(2'000'000);
  EXPECT_EQ(Phase("a.service"), UnitPhase::kFailed);
  EXPECT_EQ(Run("a.service").result, "timeout");
  EXPECT_NE(Outcome(stop), JobOutcome::kPending);
  EXPECT_TRUE(host.alive["a.service"].contains(pid));
  EXPECT_EQ(host.signals.back(), std::pair(pid, SIGTERM));
  End(pid, 0);  // later: nobody waits for it
  EXPECT_EQ(Phase("a.service"), UnitPhase::kFailed);
}

// systemd.service(5), "Exit causes and the effect of the Restart= settings".
enum Cause { kCleanExit, kUncleanExit, kUncleanSignal, kTimeout, kWatchdog, kCauses };
struct RestartRow {
  const char* word;
  bool restarts[kCauses];
};
constexpr RestartRow kRestartRows[] = {
    {"no", {false, false, false, false, false}},
    {"always", {true, true, true, true, true}},
    {"on-success", {true, false, false, false, false}},
    {"on-failure", {false, true, true, true, true}},
    {"on-abnormal", {false, false, true, true, true}},
    {"on-abort", {false, false, true, false, false}},
    {"on-watchdog", {false, false, false, false, true}},
};

TEST_F(SupervisorServiceTest, RestartsAsTheTableSays) {
  const auto name_of = [](const RestartRow& row, int cause) {
    return fmt::format("{}-{}.service", row.word, cause);
  };
  for (const RestartRow& row : kRestartRows) {
    for (int cause = 0; cause < kCauses; ++cause) {
      Add(name_of(row, cause), "",
          fmt::format("Type=notify\nExecStart=/bin/x\nTimeoutStartSec=9\nWatchdogSec=20\n"
                      "RestartSec=1h\nRestart={}\n",
                      row.word));
    }
  }
  for (const RestartRow& row : kRestartRows) {
    for (int cause = 0; cause < kCauses; ++cause) {
      const std::string name = name_of(row, cause);
      Submit(JobKind::kStart, name);
      const pid_t pid = Run(name).main_pid;
      if (cause == kTimeout) {
        Pass(9'000'000);
        End(pid, SIGTERM);
      } else {
        Tell(name, "READY=1");
        if (cause == kWatchdog) {
          Tell(name, "WATCHDOG=trigger");
          Pass(0);
        }
        End(pid, cause == kCleanExit     ? Exited(0)
                 : cause == kUncleanExit ? Exited(1)
                 : cause == kWatchdog    ? SIGABRT
                                         : SIGSEGV);
      }
      const bool again = Phase(name) == UnitPhase::kAutoRestart;
      EXPECT_EQ(again, row.restarts[cause]) << name << " is " << ToString(Phase(name));
      Submit(JobKind::kStop, name);
    }
  }
}

TEST_F(SupervisorServiceTest, ExitStatusesMayDecide) {
  Add("a.service", "",
      "ExecStart=/bin/a\nRestart=always\nRestartPreventExitStatus=7 SIGUSR1\nRestartSec=1");
  Add("b.service", "", "ExecStart=/bin/b\nRestartForceExitStatus=9");
  Add("c.service", "", "ExecStart=/bin/c\nSuccessExitStatus=42 SIGUSR2");
  for (const int status : {Exited(7), SIGUSR1}) {
    Submit(JobKind::kStart, "a.service");
    End(Run("a.service").main_pid, status);
    EXPECT_EQ(Phase("a.service"), UnitPhase::kFailed) << status;
  }
  Submit(JobKind::kStart, "b.service");
  End(Run("b.service").main_pid, Exited(9));
  EXPECT_EQ(Phase("b.service"), UnitPhase::kAutoRestart);
  for (const int status : {Exited(42), SIGUSR2}) {
    Submit(JobKind::kStart, "c.service");
    End(Run("c.service").main_pid, status);
    EXPECT_EQ(Phase("c.service"), UnitPhase::kInactive) << status;
    EXPECT_EQ(Run("c.service").result, "success");
  }
}

TEST_F(SupervisorServiceTest, ResultsHaveTheWordsOfTheOriginal) {
  Add("x.service", "", "ExecStart=/bin/x");
  constexpr int kDumped = SIGSEGV | 0x80;
  for (const auto& [status, word] : {std::pair<int, std::string>(Exited(3), "exit-code"),
                                     {SIGKILL, "signal"},
                                     {kDumped, "core-dump"}}) {
    Submit(JobKind::kStart, "x.service");
    End(Run("x.service").main_pid, status);
    EXPECT_EQ(Run("x.service").result, word);
    EXPECT_EQ(Phase("x.service"), UnitPhase::kFailed);
  }
  host.oom = true;
  Submit(JobKind::kStart, "x.service");
  End(Run("x.service").main_pid, SIGKILL);
  EXPECT_EQ(Run("x.service").result, "oom-kill");
}

TEST_F(SupervisorServiceTest, TheStartLimitHasAnAction) {
  Add("x.service", "StartLimitBurst=1\nStartLimitAction=reboot", "ExecStart=/bin/x");
  Submit(JobKind::kStart, "x.service");
  End(Run("x.service").main_pid, Exited(0));
  EXPECT_EQ(supervisor.requested_action(), unit::SystemAction::kNone);
  Submit(JobKind::kStart, "x.service");
  EXPECT_EQ(Run("x.service").result, "start-limit-hit");
  EXPECT_EQ(supervisor.requested_action(), unit::SystemAction::kReboot);
}

TEST_F(SupervisorServiceTest, ExecConditionSkipsOrFails) {
  Add("c.service", "", "ExecCondition=/bin/c\nExecStart=/bin/x");
  JobId job = Submit(JobKind::kStart, "c.service");
  End(Run("c.service").control_pid, Exited(254));
  EXPECT_EQ(Phase("c.service"), UnitPhase::kInactive);
  EXPECT_EQ(Outcome(job), JobOutcome::kSkipped);
  for (const int status : {Exited(255), SIGKILL}) {
    job = Submit(JobKind::kStart, "c.service");
    End(Run("c.service").control_pid, status);
    EXPECT_EQ(Phase("c.service"), UnitPhase::kFailed);
    EXPECT_EQ(Outcome(job), JobOutcome::kFailed);
  }
  Submit(JobKind::kStart, "c.service");
  End(Run("c.service").control_pid, Exited(0));
  EXPECT_EQ(Phase("c.service"), UnitPhase::kRunning);
}

TEST_F(SupervisorServiceTest, NotifyReloadWaitsForBothWords) {
  Add("r.service", "", "Type=notify-reload\nExecStart=/bin/r");
  Submit(JobKind::kStart, "r.service");
  Tell("r.service", "READY=1");
  const pid_t pid = Run("r.service").main_pid;
  const JobId reload = Submit(JobKind::kReload, "r.service");
  EXPECT_EQ(host.signals.back(), std::pair(pid, SIGHUP));
  Tell("r.service", "RELOADING=1");
  EXPECT_EQ(Phase("r.service"), UnitPhase::kReload);
  EXPECT_EQ(Outcome(reload), JobOutcome::kPending);
  Tell("r.service", "READY=1");
  EXPECT_EQ(Phase("r.service"), UnitPhase::kRunning);
  EXPECT_EQ(Outcome(reload), JobOutcome::kDone);
}

TEST_F(SupervisorServiceTest, BusServicesWaitForTheirName) {
  Add("d.service", "", "Type=dbus\nBusName=org.example\nExecStart=/bin/d");
  files.AddFile("/usr/lib/systemd/system/dbus.socket",
                "[Unit]\nDefaultDependencies=no\n[Socket]\nListenStream=/run/dbus/s\n");
  Add("dbus.service", "", "ExecStart=/bin/dbus");
  const JobId start = Submit(JobKind::kStart, "d.service");
  EXPECT_EQ(Phase("d.service"), UnitPhase::kStart);
  EXPECT_EQ(host.calls.back(), "wait for org.example");
  End(Run("d.service").control_pid, Exited(0));
  EXPECT_EQ(Phase("d.service"), UnitPhase::kRunning);
  EXPECT_EQ(Outcome(start), JobOutcome::kDone);
  EXPECT_EQ(host.calls.back(), "watch org.example");
  // The bus has gone, not the name.
  End(Run("d.service").bus_pid, Exited(1));
  EXPECT_EQ(Phase("d.service"), UnitPhase::kRunning);
}

TEST_F(SupervisorServiceTest, ABusNameThatGoesStopsItsService) {
  Add("d.service", "", "Type=dbus\nBusName=org.example\nExecStart=/bin/d\nExecReload=/bin/re");
  files.AddFile("/usr/lib/systemd/system/dbus.socket",
                "[Unit]\nDefaultDependencies=no\n[Socket]\nListenStream=/run/dbus/s\n");
  Add("dbus.service", "", "ExecStart=/bin/dbus");
  Submit(JobKind::kStart, "d.service");
  End(Run("d.service").control_pid, Exited(0));
  const pid_t main = Run("d.service").main_pid;
  End(Run("d.service").bus_pid, Exited(0));
  EXPECT_EQ(Phase("d.service"), UnitPhase::kStopSigterm);
  EXPECT_EQ(host.signals.back(), std::pair(main, SIGTERM));
  End(main, SIGTERM);
  EXPECT_EQ(Phase("d.service"), UnitPhase::kInactive);
  EXPECT_EQ(Run("d.service").result, "success");

  // While it reloads, that waits for the reload's end.
  Submit(JobKind::kStart, "d.service");
  End(Run("d.service").control_pid, Exited(0));
  Submit(JobKind::kReload, "d.service");
  End(Run("d.service").bus_pid, Exited(0));
  EXPECT_EQ(Phase("d.service"), UnitPhase::kReload);
  End(Run("d.service").control_pid, Exited(0));
  EXPECT_EQ(Phase("d.service"), UnitPhase::kStopSigterm);
  End(Run("d.service").main_pid, SIGTERM);

  // One that is stopped is watched no longer.
  Submit(JobKind::kStart, "d.service");
  End(Run("d.service").control_pid, Exited(0));
  const pid_t watch = Run("d.service").bus_pid;
  Submit(JobKind::kStop, "d.service");
  End(Run("d.service").main_pid, SIGTERM);
  EXPECT_EQ(host.signals.back(), std::pair(watch, SIGKILL));
  EXPECT_EQ(Run("d.service").bus_pid, 0);
}

TEST_F(SupervisorServiceTest, IdleWaitsForTheOthersButNotForEver) {
  Add("i.service", "", "Type=idle\nExecStart=/bin/i");
  Add("slow.service", "", "Type=notify\nExecStart=/bin/slow");
  Add("t.target", "Wants=i.service slow.service", "");
  Submit(JobKind::kStart, "t.target");
  EXPECT_TRUE(Run("i.service").IsDown());
  Tell("slow.service", "READY=1");
  EXPECT_EQ(Phase("i.service"), UnitPhase::kRunning);
  Submit(JobKind::kStop, "i.service");
  End(Run("i.service").main_pid, SIGTERM);
  Submit(JobKind::kRestart, "slow.service");
  End(Run("slow.service").main_pid, SIGTERM);
  Submit(JobKind::kStart, "i.service");
  EXPECT_TRUE(Run("i.service").IsDown());
  Pass(5'000'000);
  EXPECT_EQ(Phase("i.service"), UnitPhase::kRunning);
}

TEST_F(SupervisorServiceTest, RuntimeMaxEndsIt) {
  Add("r.service", "", "ExecStart=/bin/r\nRuntimeMaxSec=10");
  Submit(JobKind::kStart, "r.service");
  Pass(10'000'000);
  EXPECT_EQ(Phase("r.service"), UnitPhase::kStopSigterm);
  End(Run("r.service").main_pid, SIGTERM);
  EXPECT_EQ(Run("r.service").result, "timeout");
}

TEST_F(SupervisorServiceTest, TimeoutsMayAbortOrKill) {
  Add("a.service", "",
      "Type=notify\nExecStart=/bin/a\nTimeoutStartSec=1\nTimeoutStartFailureMode=abort\n"
      "TimeoutAbortSec=3");
  Add("k.service", "",
      "Type=notify\nExecStart=/bin/k\nTimeoutStartSec=1\n"
      "TimeoutStartFailureMode=kill");
  Submit(JobKind::kStart, "a.service");
  Submit(JobKind::kStart, "k.service");
  const pid_t k = Run("k.service").main_pid;
  Pass(1'000'000);
  EXPECT_EQ(Phase("a.service"), UnitPhase::kStopWatchdog);
  EXPECT_EQ(Phase("k.service"), UnitPhase::kStopSigkill);
  EXPECT_NE(std::ranges::find(host.signals, std::pair(k, SIGKILL)), host.signals.end());
  Pass(3'000'000);
  EXPECT_EQ(Phase("a.service"), UnitPhase::kStopSigkill);
}

TEST_F(SupervisorServiceTest, ExtendTimeoutMovesTheDeadline) {
  Add("e.service", "", "Type=notify\nExecStart=/bin/e\nTimeoutStartSec=2");
  Submit(JobKind::kStart, "e.service");
  Pass(1'500'000);
  Tell("e.service", "EXTEND_TIMEOUT_USEC=2000000");
  Pass(1'900'000);
  EXPECT_EQ(Phase("e.service"), UnitPhase::kStart);
  Pass(100'000);
  EXPECT_EQ(Phase("e.service"), UnitPhase::kStopSigterm);
}

TEST_F(SupervisorServiceTest, OnFailureIsToldWhatHappened) {
  Add("a.service", "OnFailure=f.service", "ExecStart=/bin/a\nExecStopPost=/bin/post");
  Add("f.service", "", "ExecStart=/bin/f");
  Submit(JobKind::kStart, "a.service");
  End(Run("a.service").main_pid, Exited(3));
  EXPECT_EQ(host.last_options.service_result, "exit-code");
  EXPECT_EQ(host.last_options.exit_code, "exited");
  EXPECT_EQ(host.last_options.exit_status, "3");
  End(Run("a.service").control_pid, Exited(0));
  ASSERT_EQ(Phase("f.service"), UnitPhase::kRunning);
  const auto& variables = host.last_options.environment;
  for (const char* expected : {"MONITOR_SERVICE_RESULT=exit-code", "MONITOR_EXIT_CODE=exited",
                               "MONITOR_EXIT_STATUS=3", "MONITOR_UNIT=a.service"}) {
    EXPECT_NE(std::ranges::find(variables, expected), variables.end()) << expected;
  }
}

TEST_F(SupervisorServiceTest, StoredDescriptorsGoToTheNextProcess) {
  Add("s.service", "",
      "Type=notify\nExecStart=/bin/s\nFileDescriptorStoreMax=1\nRestart=always\nRestartSec=1");
  Submit(JobKind::kStart, "s.service");
  const auto store = [&] {
    NotifyMessage message = ParseNotifyMessage("READY=1\nFDSTORE=1\nFDNAME=kept");
    message.descriptors.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    supervisor.OnNotify(Run("s.service").main_pid, "", std::move(message), now);
  };
  store();
  store();  // one too many
  ASSERT_EQ(Run("s.service").store.size(), 1U);
  End(Run("s.service").main_pid, Exited(1));
  Pass(1'000'000);
  ASSERT_EQ(host.last_options.stored.size(), 1U);
  EXPECT_EQ(host.last_options.stored[0].name, "kept");
  EXPECT_EQ(host.last_options.stored[0].fd, Run("s.service").store[0].fd.get());
  Tell("s.service", "READY=1\nFDSTOREREMOVE=1\nFDNAME=kept");
  EXPECT_TRUE(Run("s.service").store.empty());
  store();
  Submit(JobKind::kStop, "s.service");
  End(Run("s.service").main_pid, SIGTERM);
  EXPECT_TRUE(Run("s.service").store.empty());
}

TEST_F(SupervisorServiceTest, NoProcessIsAResourceFailureAndTheRestGoesOn) {
  Add("x.service", "", "ExecStart=/bin/missing");
  Add("y.service", "", "ExecStart=/bin/y");
  Add("t.target", "Wants=x.service y.service", "");
  Submit(JobKind::kStart, "t.target");
  EXPECT_EQ(Run("x.service").result, "resources");
  EXPECT_EQ(Phase("y.service"), UnitPhase::kRunning);
  EXPECT_EQ(Phase("t.target"), UnitPhase::kActive);
}

}  // namespace
}  // namespace inro::guest
