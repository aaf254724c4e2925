#include "guest/init/launcher.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <utility>

#include "guest/init/conditions.h"
#include "guest/init/service_directories.h"
#include "sys/mounts.h"
#include "sys/spawn.h"
#include "unit/environment_file.h"
#include "unit/text.h"

namespace inro::guest {
namespace {

constexpr std::size_t kMaxSmallFile = 256 << 10;

std::string BaseName(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

// Opening a terminal may wait for a carrier: open without waiting, then set the flag back.
Result<UniqueFd> OpenTerminal(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return FailErrno("open {}", path);
  ::fcntl(fd.get(), F_SETFL, O_RDWR);
  return fd;
}

}  // namespace

struct Launcher::Identity {
  bool set = false;  // User= or Group= is given
  Account account;
  gid_t gid = 0;
  std::vector<gid_t> groups;
};

Launcher::Launcher(const sys::FileSource& files, const unit::KernelCommandLine& line,
                   const ControlGroups& groups, ServiceOutput& output, KernelLog& log,
                   LauncherSettings settings)
    : files_(files),
      line_(line),
      groups_(groups),
      output_(output),
      log_(log),
      settings_(std::move(settings)),
      accounts_(files) {
  const auto text = files_.Read("/proc/sys/fs/nr_open", 64);
  if (text) most_files_ = unit::ParseNumber<std::uint64_t>(unit::Trim(*text)).value_or(0);
}

Result<Launcher::Identity> Launcher::FindIdentity(const unit::ExecSettings& exec) const {
  Identity identity;
  identity.account = {"root", 0, 0, "/root", "/bin/sh"};
  if (!exec.user.empty()) {
    INRO_ASSIGN(identity.account, accounts_.FindUser(exec.user));
    identity.gid = identity.account.gid;
    identity.set = true;
  }
  if (!exec.group.empty()) {
    INRO_ASSIGN(identity.gid, accounts_.FindGroup(exec.group));
    identity.account.gid = identity.gid;
    identity.set = true;
  }
  if (!exec.supplementary_groups.empty()) identity.set = true;
  if (!identity.set) return identity;
  identity.groups =
      exec.user.empty() ? std::vector<gid_t>{identity.gid} : accounts_.GroupsOf(identity.account);
  for (const std::string& name : exec.supplementary_groups) {
    INRO_ASSIGN(const gid_t group, accounts_.FindGroup(name));
    if (std::ranges::count(identity.groups, group) == 0) identity.groups.push_back(group);
  }
  return identity;
}

Result<unit::Environment> Launcher::BuildEnvironment(const unit::Unit& unit,
                                                     const Identity& identity,
                                                     const LaunchOptions& options) const {
  const unit::ServiceSettings& service = *unit.service;
  const unit::ExecSettings& exec = service.exec;
  unit::Environment environment = settings_.environment;
  const auto set = [&](std::string_view name, std::string_view value) {
    unit::SetVariable(environment, fmt::format("{}={}", name, value));
  };
  if (!exec.user.empty()) {
    set("USER", identity.account.name);
    set("LOGNAME", identity.account.name);
    set("HOME", identity.account.home);
    if (!identity.account.shell.empty()) set("SHELL", identity.account.shell);
  }
  using unit::NotifyAccess;
  const auto type = service.EffectiveType();
  const bool notify = type == unit::ServiceType::kNotify ||
                      type == unit::ServiceType::kNotifyReload ||
                      (service.notify_access != NotifyAccess::kUnset &&
                       service.notify_access != NotifyAccess::kNone);
  if (notify && !settings_.notify_socket.empty()) set("NOTIFY_SOCKET", settings_.notify_socket);
  if (options.main_pid > 0) set("MAINPID", std::to_string(options.main_pid));
  if (!options.service_result.empty()) set("SERVICE_RESULT", options.service_result);
  if (!options.exit_code.empty()) set("EXIT_CODE", options.exit_code);
  if (!options.exit_status.empty()) set("EXIT_STATUS", options.exit_status);
  for (const std::string& name : exec.pass_environment) {
    if (const char* value = ::getenv(name.c_str())) set(name, value);
  }
  for (const std::string& entry : DirectoryVariables(exec)) unit::SetVariable(environment, entry);
  for (const std::string& entry : exec.environment) unit::SetVariable(environment, entry);
  for (const auto& file : exec.environment_files) {
    const auto text = files_.Read(file.path, kMaxSmallFile);
    if (!text) {
      if (file.optional) continue;
      return std::unexpected(text.error().Wrap("EnvironmentFile="));
    }
    for (const std::string& entry : unit::ParseEnvironmentFile(*text)) {
      unit::SetVariable(environment, entry);
    }
  }
  for (const std::string& entry : exec.unset_environment) {
    unit::UnsetVariable(environment, entry.substr(0, entry.find('=')));
  }
  return environment;
}

Result<UniqueFd> Launcher::OpenStream(const unit::StreamSetting& setting, const unit::Unit& unit,
                                      bool input) const {
  using unit::StandardStream;
  const unit::ExecSettings& exec = unit.service->exec;
  const auto duplicate = [](int fd) -> Result<UniqueFd> {
    UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
    if (!copy) return FailErrno("duplicate a descriptor");
    return copy;
  };
  switch (setting.kind) {
    case StandardStream::kTty:
      return OpenTerminal(exec.tty_path);
    case StandardStream::kConsole: {
      // Its lines go to the kernel log, and the console shows that one.
      if (auto terminal = OpenTerminal("/dev/console")) return terminal;
      break;
    }
    case StandardStream::kFile:
    case StandardStream::kAppend:
    case StandardStream::kTruncate: {
      int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;  // a FIFO without a reader must not hold us up
      flags |= input ? O_RDONLY : O_WRONLY | O_CREAT;
      if (setting.kind == StandardStream::kAppend) flags |= O_APPEND;
      if (setting.kind == StandardStream::kTruncate) flags |= O_TRUNC;
      UniqueFd fd(::open(setting.path.c_str(), flags, 0644));
      if (!fd) return FailErrno("open {}", setting.path);
      ::fcntl(fd.get(), F_SETFL, flags & O_APPEND);
      return fd;
    }
    case StandardStream::kJournal:
    case StandardStream::kKmsg: {
      const std::string identifier = !exec.syslog_identifier.empty() ? exec.syslog_identifier
                                     : unit.service->start.empty()
                                         ? unit.name
                                         : BaseName(unit.service->start.front().program);
      if (const auto writer = output_.WriterFor(unit.name, identifier)) return duplicate(*writer);
      break;
    }
    case StandardStream::kSocket:
    case StandardStream::kFd:
    case StandardStream::kData:
      return Fail("a stream of this kind cannot be given to a process yet");
    case StandardStream::kNull:
    case StandardStream::kInherit:
      break;
  }
  UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) return FailErrno("open /dev/null");
  return null;
}

void Launcher::SetPrivileges(const unit::ExecSettings& exec, std::uint8_t flags,
                             const Identity& identity, sys::SpawnRequest& request) const {
  if ((flags & unit::kFullPrivileges) != 0) return;
  for (int resource = 0; resource < unit::kLimitCount; ++resource) {
    const auto& limit = exec.limits[static_cast<std::size_t>(resource)];
    if (!limit) continue;
    rlimit64 value{limit->soft, limit->hard};
    if (resource == RLIMIT_NOFILE && most_files_ > 0) {
      value.rlim_cur = std::min<rlim64_t>(value.rlim_cur, most_files_);
      value.rlim_max = std::min<rlim64_t>(value.rlim_max, most_files_);
    }
    request.limits.emplace_back(resource, value);
  }
  request.no_new_privileges = exec.no_new_privileges;
  if (exec.bounding) request.dropped_capabilities = ~exec.bounding->to_ullong();
  request.ambient_capabilities = exec.ambient.to_ullong();
  // "!" alters the effect of User= and Group= alone.
  if (identity.set && (flags & unit::kKeepCredentials) == 0) {
    request.uid = identity.account.uid;
    request.gid = identity.gid;
    request.groups = identity.groups;
  }
}

Result<pid_t> Launcher::Launch(const unit::Unit& unit, const unit::Command& command,
                               const LaunchOptions& options) {
  const unit::ExecSettings& exec = unit.service->exec;
  INRO_ASSIGN(const Identity identity, FindIdentity(exec));
  INRO_TRY(
      MakeServiceDirectories(exec, {identity.account.uid, identity.gid}, settings_.directory_root));
  sys::SpawnRequest request;
  INRO_ASSIGN(request.environment, BuildEnvironment(unit, identity, options));
  request.argv = unit::ExpandArguments(command, request.environment);
  request.program = sys::FindProgram(command.program,
                                     std::string(unit::GetVariable(request.environment, "PATH")));
  INRO_ASSIGN(const UniqueFd input, OpenStream(exec.input, unit, true));
  const bool inherits = exec.output.kind == unit::StandardStream::kInherit;
  // Output follows input where that is a terminal or a file (systemd.exec(5)).
  INRO_ASSIGN(const UniqueFd output, OpenStream(inherits ? exec.input : exec.output, unit, false));
  UniqueFd error;
  if (exec.error.kind != unit::StandardStream::kInherit) {
    INRO_ASSIGN(error, OpenStream(exec.error, unit, false));
  }
  request.streams = {input.get(), output.get(), error ? error.get() : output.get()};
  request.controlling_terminal = exec.input.kind == unit::StandardStream::kTty;
  INRO_ASSIGN(const UniqueFd group, groups_.Open(unit.name));
  request.cgroup = group.get();
  request.cgroup_procs = groups_.ProcsFile(unit.name);
  request.umask = exec.umask.value_or(022);
  request.nice = exec.nice;
  request.oom_score_adjust = exec.oom_score_adjust;
  request.ignore_sigpipe = exec.ignore_sigpipe;
  if (!exec.working_directory.empty()) {
    request.working_directory =
        exec.working_directory == "~" ? identity.account.home : exec.working_directory;
    request.working_directory_optional = exec.working_directory_optional;
  }
  SetPrivileges(exec, command.flags, identity, request);
  return sys::Spawn(request);
}

bool Launcher::Holds(const unit::Condition& condition) {
  return EvaluateCondition(condition, line_);
}

void Launcher::Kill(pid_t pid, int signal) {
  if (pid > 1) ::kill(pid, signal);
}

void Launcher::KillGroup(const unit::Unit& unit, int signal, pid_t except) {
  groups_.Kill(unit.name, signal, except);
}

bool Launcher::GroupIsEmpty(const unit::Unit& unit) { return groups_.IsEmpty(unit.name); }

pid_t Launcher::FindMainProcess(const unit::Unit& unit) {
  const std::string& path = unit.service->pid_file;
  if (path.empty()) {
    const std::vector<pid_t> processes = groups_.Processes(unit.name);
    return processes.size() == 1 ? processes.front() : 0;
  }
  const auto text = files_.Read(path, 64);
  if (!text) return 0;
  const auto pid = unit::ParseNumber<pid_t>(unit::Trim(*text));
  if (!pid || *pid <= 1 || ::kill(*pid, 0) != 0) return 0;
  // Whoever can write the file must not choose a process of another service.
  if (groups_.available() && groups_.UnitOf(*pid) != unit.name) return 0;
  return *pid;
}

Result<> Launcher::Mount(const unit::Unit& unit) {
  sys::SystemMounts mounts;
  const unit::MountSettings& mount = *unit.mount;
  if (mounts.IsMountPoint(mount.where)) return {};
  if (mount.type != "tmpfs") {
    return Fail("of mount units this init makes only tmpfs; {} is {}", mount.where, mount.type);
  }
  unsigned long flags = 0;
  std::string options;
  constexpr std::pair<std::string_view, unsigned long> kFlags[] = {
      {"nosuid", MS_NOSUID},           {"nodev", MS_NODEV},
      {"noexec", MS_NOEXEC},           {"ro", MS_RDONLY},
      {"strictatime", MS_STRICTATIME}, {"noatime", MS_NOATIME}};
  std::string_view rest = mount.options;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    const std::string_view word = rest.substr(0, comma);
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    const auto* flag =
        std::ranges::find(kFlags, word, &std::pair<std::string_view, unsigned long>::first);
    if (flag != std::end(kFlags)) {
      flags |= flag->second;
    } else {
      options += options.empty() ? "" : ",";
      options += word;
    }
  }
  INRO_TRY(mounts.MakeDirectory(mount.where, 0755));
  return mounts.Mount(mount.what, mount.where, mount.type, flags, options);
}

void Launcher::CleanUp(const unit::Unit& unit, bool restarting) {
  using unit::PreserveDirectory;
  const unit::ExecSettings& exec = unit.service->exec;
  const bool keep = exec.preserve_runtime == PreserveDirectory::kYes ||
                    (restarting && exec.preserve_runtime == PreserveDirectory::kRestart);
  if (!keep) RemoveRuntimeDirectories(exec, settings_.directory_root);
  if (restarting) return;
  output_.Forget(unit.name);
  groups_.Remove(unit.name);
}

}  // namespace inro::guest
