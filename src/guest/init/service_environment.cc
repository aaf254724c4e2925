#include "guest/init/service_environment.h"

#include <algorithm>
#include <cstdlib>

#include "guest/init/path_glob.h"
#include "guest/init/service_directories.h"
#include "unit/environment_file.h"

namespace inro::guest {
namespace {

constexpr std::size_t kMaxSmallFile = 256 << 10;
constexpr std::size_t kMaxFiles = 256;

bool WantsNotifySocket(const unit::ServiceSettings& service) {
  using unit::NotifyAccess;
  using unit::ServiceType;
  if (service.notify_access != NotifyAccess::kUnset) {
    return service.notify_access != NotifyAccess::kNone;
  }
  const ServiceType type = service.EffectiveType();
  return type == ServiceType::kNotify || type == ServiceType::kNotifyReload ||
         service.watchdog.count() > 0 || service.fd_store_max > 0;
}

bool IsNoLogin(std::string_view shell) {
  const std::string_view name = shell.substr(shell.rfind('/') + 1);
  return shell.empty() || name == "nologin" || name == "false" || name == "true";
}

Result<> AddFile(const unit::ExecSettings::EnvironmentFile& file, const sys::FileSource& files,
                 unit::Environment& environment) {
  std::vector<std::string> paths{file.path};
  if (file.path.find_first_of("*?[") != std::string::npos) {
    paths = MatchPaths(files, file.path, kMaxFiles);
    if (paths.empty() && !file.optional) {
      return FailAs(ErrorKind::kNotFound, "EnvironmentFile=: nothing matches {}", file.path);
    }
  }
  for (const std::string& path : paths) {
    const auto text = files.Read(path, kMaxSmallFile);
    if (!text) {
      if (file.optional) continue;
      return std::unexpected(text.error().Wrap("EnvironmentFile="));
    }
    for (const std::string& entry : unit::ParseEnvironmentFile(*text)) {
      unit::SetVariable(environment, entry);
    }
  }
  return {};
}

}  // namespace

Result<unit::Environment> BuildEnvironment(const unit::Unit& unit, const unit::ExecSettings& exec,
                                           unit::Environment base, const Identity& identity,
                                           const LaunchOptions& options, const OwnVariables& own,
                                           const sys::FileSource& files) {
  unit::Environment environment = std::move(base);
  const auto set = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) unit::SetVariable(environment, fmt::format("{}={}", name, value));
  };
  if (identity.named) {
    const Account& account = identity.account;
    set("USER", account.name);
    set("LOGNAME", account.name);
    // A home or shell that stands for "none" is none.
    if (account.home != "/") set("HOME", account.home);
    if (!IsNoLogin(account.shell)) set("SHELL", account.shell);
  }
  set("INVOCATION_ID", own.invocation_id);
  if (unit.service) {
    if (WantsNotifySocket(*unit.service)) set("NOTIFY_SOCKET", own.notify_socket);
    set("PIDFILE", unit.service->pid_file);
  }
  if (options.main_pid > 0) set("MAINPID", std::to_string(options.main_pid));
  set("SERVICE_RESULT", options.service_result);
  set("EXIT_CODE", options.exit_code);
  set("EXIT_STATUS", options.exit_status);
  if (options.watchdog.count() > 0) set("WATCHDOG_USEC", std::to_string(options.watchdog.count()));
  if (own.connection != nullptr) {
    set("REMOTE_ADDR", own.connection->remote_addr);
    set("REMOTE_PORT", own.connection->remote_port);
  }
  if (!own.descriptors.empty()) {
    std::string names;
    for (const PassedDescriptor& descriptor : own.descriptors) {
      names += names.empty() ? "" : ":";
      names += descriptor.name;
    }
    set("LISTEN_FDS", std::to_string(own.descriptors.size()));
    set("LISTEN_FDNAMES", names);
  }
  set("JOURNAL_STREAM", own.journal_stream);
  set("CREDENTIALS_DIRECTORY", own.credentials_directory);
  if (own.terminal) {
    const char* const console = exec.tty_path == "/dev/console" ? ::getenv("TERM") : nullptr;
    set("TERM", console != nullptr ? console : "vt220");
  }
  for (const std::string& entry : DirectoryVariables(exec)) unit::SetVariable(environment, entry);
  for (const std::string& entry : options.environment) unit::SetVariable(environment, entry);
  for (const std::string& name : exec.pass_environment) {
    if (const char* value = ::getenv(name.c_str())) {
      unit::SetVariable(environment, fmt::format("{}={}", name, value));
    }
  }
  for (const std::string& entry : exec.environment) unit::SetVariable(environment, entry);
  for (const auto& file : exec.environment_files) {
    INRO_TRY(AddFile(file, files, environment));
  }
  for (const std::string& entry : exec.unset_environment) {
    // "NAME=VALUE" only when it has that value.
    if (entry.find('=') == std::string::npos) {
      unit::UnsetVariable(environment, entry);
    } else {
      std::erase(environment, entry);
    }
  }
  return environment;
}

}  // namespace inro::guest
