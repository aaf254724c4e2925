// The ServiceHost of a running guest: control groups, directories, users and processes.
//
// A plain command becomes a process without a copy of PID 1, which stands still for that moment. A
// command with a sandbox is forked and sets itself up; nobody waits for it. Either way a process
// that cannot become its program ends with systemd's exit code for the step that failed, and the
// reason is logged.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "guest/init/accounts.h"
#include "guest/init/control_groups.h"
#include "guest/init/private_space.h"
#include "guest/init/service_host.h"
#include "guest/init/service_output.h"
#include "sys/file_source.h"
#include "unit/kernel_command_line.h"

namespace inro::sys {
struct SpawnRequest;
}

namespace inro::guest {

class Activation;

struct LauncherSettings {
  std::string notify_socket;      // $NOTIFY_SOCKET
  unit::Environment environment;  // of all services (PATH, systemd.setenv=)
  std::string directory_root;     // "" but in tests
  std::string boot_id = "0";
  ControlGroups::FindUnit find_unit = {};  // for slices
};

class Launcher final : public ServiceHost {
 public:
  Launcher(const sys::FileSource& files, const unit::KernelCommandLine& line,
           const ControlGroups& groups, ServiceOutput& output, KernelLog& log,
           LauncherSettings settings);
  ~Launcher() override;

  // Whom sockets and timers are given to; nullptr: nobody. Must outlive this.
  void set_activation(Activation* activation) { activation_ = activation; }

  Result<pid_t> Launch(const unit::Unit& unit, const unit::Command& command,
                       const LaunchOptions& options) override;
  bool IsExecuted(pid_t pid) override;
  bool Holds(const unit::Condition& condition) override;
  void Kill(pid_t pid, int signal) override;
  bool IsAlive(pid_t pid) override;
  void KillGroup(const unit::Unit& unit, int signal, pid_t except) override;
  bool GroupIsEmpty(const unit::Unit& unit) override;
  pid_t FindMainProcess(const unit::Unit& unit) override;
  Result<pid_t> Mount(const unit::Unit& unit) override;
  Result<pid_t> Unmount(const unit::Unit& unit) override;
  Result<pid_t> WaitForBusName(const std::string& name, BusNameState wanted) override;
  Result<> Activate(const unit::Unit& unit) override;
  void Deactivate(const unit::Unit& unit) override;
  void UnitChanged(const UnitRun& run) override;
  bool HadOomKill(const unit::Unit& unit) override;
  void CleanUp(const unit::Unit& unit, bool restarting) override;
  void Log(LogLevel level, std::string_view text) override { log_.Write(level, text); }

 private:
  struct Plan;
  // Of a unit that has processes, or had some since it was last cleaned up.
  struct State {
    std::string invocation_id;
    uid_t dynamic_uid = 0;
    std::string dynamic_name;
    std::vector<std::string> joins;       // JoinsNamespaceOf=
    std::shared_ptr<PrivateSpace> space;  // made when something needs it
  };
  // A child that has not executed yet, or never will.
  struct Pending {
    std::string unit;
    UniqueFd report;
    bool failed = false;
  };

  Result<Identity> FindIdentity(const unit::Unit& unit, const unit::ExecSettings& exec,
                                int& exit_code);
  Result<> ChooseDynamicUser(const unit::Unit& unit, Identity& identity);
  State& StateOf(const unit::Unit& unit);
  PrivateSpace& SpaceOf(const unit::Unit& unit);
  Result<> Prepare(const unit::Command& command, const LaunchOptions& options, Plan& plan,
                   int& exit_code);
  Result<> PrepareSpace(Plan& plan, int& exit_code);
  Result<> PrepareGroup(const LaunchOptions& options, Plan& plan);
  void SetPrivileges(const unit::ExecSettings& exec, std::uint8_t flags, Plan& plan) const;
  void Poll(Pending& pending);

  const sys::FileSource& files_;
  const unit::KernelCommandLine& line_;
  const ControlGroups& groups_;
  ServiceOutput& output_;
  KernelLog& log_;
  LauncherSettings settings_;
  Accounts accounts_;
  Activation* activation_ = nullptr;
  std::uint64_t most_files_ = 0;  // fs.nr_open: no limit can be above it
  std::map<std::string, State, std::less<>> states_;
  std::map<pid_t, Pending> pending_;
};

}  // namespace inro::guest
