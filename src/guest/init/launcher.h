// The ServiceHost of a running guest: control groups, directories, users and processes.
#pragma once

#include <string>

#include "guest/init/accounts.h"
#include "guest/init/control_groups.h"
#include "guest/init/service_host.h"
#include "guest/init/service_output.h"
#include "sys/file_source.h"
#include "unit/kernel_command_line.h"

namespace inro::sys {
struct SpawnRequest;
}

namespace inro::guest {

struct LauncherSettings {
  std::string notify_socket;      // $NOTIFY_SOCKET
  unit::Environment environment;  // of all services (PATH, systemd.setenv=)
  std::string directory_root;     // "" but in tests
};

class Launcher final : public ServiceHost {
 public:
  Launcher(const sys::FileSource& files, const unit::KernelCommandLine& line,
           const ControlGroups& groups, ServiceOutput& output, KernelLog& log,
           LauncherSettings settings);

  Result<pid_t> Launch(const unit::Unit& unit, const unit::Command& command,
                       const LaunchOptions& options) override;
  bool Holds(const unit::Condition& condition) override;
  void Kill(pid_t pid, int signal) override;
  void KillGroup(const unit::Unit& unit, int signal, pid_t except) override;
  bool GroupIsEmpty(const unit::Unit& unit) override;
  pid_t FindMainProcess(const unit::Unit& unit) override;
  Result<> Mount(const unit::Unit& unit) override;
  void CleanUp(const unit::Unit& unit, bool restarting) override;
  void Log(LogLevel level, std::string_view text) override { log_.Write(level, text); }

 private:
  struct Identity;
  Result<Identity> FindIdentity(const unit::ExecSettings& exec) const;
  Result<unit::Environment> BuildEnvironment(const unit::Unit& unit, const Identity& identity,
                                             const LaunchOptions& options) const;
  Result<UniqueFd> OpenStream(const unit::StreamSetting& setting, const unit::Unit& unit,
                              bool input) const;
  void SetPrivileges(const unit::ExecSettings& exec, std::uint8_t flags, const Identity& identity,
                     sys::SpawnRequest& request) const;

  const sys::FileSource& files_;
  const unit::KernelCommandLine& line_;
  const ControlGroups& groups_;
  ServiceOutput& output_;
  KernelLog& log_;
  LauncherSettings settings_;
  Accounts accounts_;
  std::uint64_t most_files_ = 0;  // fs.nr_open: no limit can be above it
};

}  // namespace inro::guest
