// What the tests of the supervisor share: a host whose processes are numbers.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "guest/init/notify_socket.h"
#include "guest/init/supervisor.h"
#include "sys/fake/memory_file_source.h"

namespace inro::guest {

constexpr int Exited(int code) { return code << 8; }

// Processes are numbers; what was asked for is written down in order.
class FakeHost final : public ServiceHost {
 public:
  Result<pid_t> Launch(const unit::Unit& unit, const unit::Command& command,
                       const LaunchOptions& options) override {
    if (command.program == "/bin/missing") return Fail("no such program");
    calls.push_back(unit.name + " " + command.program);
    alive[unit.name].insert(++last_pid);
    last_options = {options.watchdog,
                    options.environment,
                    std::string(options.service_result),
                    std::string(options.exit_code),
                    std::string(options.exit_status),
                    options.stored};
    return last_pid;
  }
  bool Holds(const unit::Condition& condition) override { return condition.value == "/yes"; }
  bool IsExecuted(pid_t) override { return executed; }
  bool HadOomKill(const unit::Unit&) override { return oom; }
  bool IsAlive(pid_t pid) override { return !gone.contains(pid); }
  Result<> Activate(const unit::Unit& unit) override {
    calls.push_back("listen " + unit.name);
    if (listen_error) return std::unexpected(*listen_error);
    return {};
  }
  void Deactivate(const unit::Unit& unit) override { calls.push_back("close " + unit.name); }
  Result<pid_t> WaitForBusName(const std::string& name, BusNameState wanted) override {
    calls.push_back((wanted == BusNameState::kOwned ? "wait for " : "watch ") + name);
    return ++last_pid;
  }
  void Kill(pid_t pid, int signal) override {
    if (signal != SIGCONT) signals.emplace_back(pid, signal);
  }
  void KillGroup(const unit::Unit& unit, int signal, pid_t) override {
    if (signal == SIGKILL) alive[unit.name].clear();
  }
  bool GroupIsEmpty(const unit::Unit& unit) override { return alive[unit.name].empty(); }
  pid_t FindMainProcess(const unit::Unit&) override { return main_process; }
  Result<pid_t> Mount(const unit::Unit& unit) override {
    calls.push_back("mount " + unit.name);
    return mounted ? 0 : ++last_pid;
  }
  Result<pid_t> Unmount(const unit::Unit& unit) override {
    calls.push_back("unmount " + unit.name);
    return ++last_pid;
  }
  void CleanUp(const unit::Unit& unit, bool restarting) override {
    if (!restarting) calls.push_back("clean " + unit.name);
  }
  void Log(LogLevel level, std::string_view text) override {
    if (level <= LogLevel::kNotice) said.emplace_back(text);
  }

  std::vector<std::string> calls;
  std::vector<std::string> said;
  std::vector<std::pair<pid_t, int>> signals;
  std::map<std::string, std::set<pid_t>> alive;
  pid_t last_pid = 100;
  pid_t main_process = 0;
  bool executed = true, oom = false, mounted = false;
  std::set<pid_t> gone;
  std::optional<Error> listen_error;
  struct Options {
    unit::Microseconds watchdog;
    unit::Environment environment;
    std::string service_result, exit_code, exit_status;
    std::vector<PassedDescriptor> stored;
  } last_options;
};

struct SupervisorTest : testing::Test {
  sys::MemoryFileSource files;
  FakeHost host;
  unit::Loader loader{files, {}};
  Supervisor supervisor{host, loader};
  Time now{1'000'000};

  void Add(const std::string& name, const std::string& unit, const std::string& service) {
    std::string text = "[Unit]\nDefaultDependencies=no\n" + unit;
    if (!service.empty()) text += "\n[Service]\n" + service;
    files.AddFile("/usr/lib/systemd/system/" + name, text + "\n");
  }
  void Start(const std::string& name) {
    const auto transaction = unit::BuildTransaction(loader, name);
    ASSERT_TRUE(transaction) << transaction.error().ToString();
    supervisor.Start(*transaction, now);
  }
  JobId Submit(JobKind kind, const std::string& name, JobMode mode = JobMode::kReplace) {
    const auto id = supervisor.Submit(kind, name, mode, now);
    EXPECT_TRUE(id) << id.error().ToString();
    return id.value_or(0);
  }
  JobOutcome Outcome(JobId id) { return supervisor.OutcomeOf(id); }
  void Tell(const std::string& name, const std::string& text) {
    supervisor.OnNotify(Run(name).main_pid, "", ParseNotifyMessage(text), now);
  }
  UnitRun& Run(const std::string& name) { return *supervisor.Find(name); }
  UnitPhase Phase(const std::string& name) { return Run(name).phase; }
  void End(pid_t pid, int status) {
    for (auto& [unit, pids] : host.alive) pids.erase(pid);
    supervisor.OnExit(pid, status, now);
  }
  void Pass(std::int64_t microseconds) {
    now += Time(microseconds);
    supervisor.OnTime(now);
  }
  bool Said(std::string_view text) {
    return std::ranges::any_of(
        host.said, [&](const std::string& line) { return line.find(text) != line.npos; });
  }
};

}  // namespace inro::guest
