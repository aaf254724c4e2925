#include "guest/init/launcher.h"

#include <fcntl.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "guest/init/activation.h"
#include "guest/init/bus_name_wait.h"
#include "guest/init/conditions.h"
#include "guest/init/group_resources.h"
#include "guest/init/log_level_max.h"
#include "guest/init/mount_unit.h"
#include "guest/init/service_credentials.h"
#include "guest/init/service_directories.h"
#include "guest/init/service_environment.h"
#include "guest/init/service_setup.h"
#include "guest/init/standard_streams.h"
#include "guest/init/unit_run.h"
#include "guest/sandbox/implied.h"
#include "sys/spawn.h"
#include "unit/text.h"

namespace inro::guest {
namespace {

std::string NewInvocationId() {
  unsigned char bytes[16] = {};
  static_cast<void>(::getrandom(bytes, sizeof bytes, GRND_NONBLOCK) > 0);
  std::string text;
  for (const unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

bool Contains(const std::vector<unit::Command>& commands, const unit::Command& command) {
  return std::ranges::any_of(commands,
                             [&](const unit::Command& each) { return &each == &command; });
}

// A bare name is looked up as the process will see the folders.
std::string FindProgramIn(const std::string& root, const std::string& name,
                          const std::string& path) {
  if (root.empty() || root == "/" || name.starts_with('/')) return sys::FindProgram(name, path);
  std::string inside;
  for (std::string_view rest = path; !rest.empty();) {
    const std::size_t colon = rest.find(':');
    inside += (inside.empty() ? "" : ":") + root + std::string(rest.substr(0, colon));
    rest.remove_prefix(colon == std::string_view::npos ? rest.size() : colon + 1);
  }
  const std::string found = sys::FindProgram(name, inside);
  return found.starts_with(root) ? found.substr(root.size()) : found;
}

}  // namespace

// Everything that a launch needs until the process is made.
struct Launcher::Plan {
  explicit Plan(const unit::Unit& of) : unit(of) {}

  const unit::Unit& unit;
  const unit::ExecSettings* exec = nullptr;
  std::unique_ptr<unit::ExecSettings> effective;  // with what a sandbox implies
  Identity identity;
  DirectoryOwner owner;
  MadeDirectories directories;
  std::string credentials;
  std::vector<PassedDescriptor> descriptors;
  Streams streams;
  UniqueFd group;
  sandbox::MountSources mounts;
  int network = -1, ipc = -1;
  std::optional<ServiceSetup> setup;
  sys::SpawnRequest request;
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

Launcher::~Launcher() = default;

Launcher::State& Launcher::StateOf(const unit::Unit& unit) {
  const auto [entry, added] = states_.try_emplace(unit.name);
  if (added) {
    entry->second.invocation_id = NewInvocationId();
    entry->second.joins = unit.joins_namespace_of;
  }
  return entry->second;
}

PrivateSpace& Launcher::SpaceOf(const unit::Unit& unit) {
  State& state = StateOf(unit);
  if (state.space) return *state.space;
  for (const auto& [name, other] : states_) {
    // It works both ways round.
    const bool joined =
        std::ranges::count(state.joins, name) > 0 || std::ranges::count(other.joins, unit.name) > 0;
    if (joined && other.space) {
      state.space = other.space;
      return *state.space;
    }
  }
  state.space =
      std::make_shared<PrivateSpace>(settings_.directory_root, settings_.boot_id, unit.name);
  return *state.space;
}

Result<> Launcher::ChooseDynamicUser(const unit::Unit& unit, Identity& identity) {
  State& state = StateOf(unit);
  if (state.dynamic_uid == 0) {
    const auto taken = [&](uid_t uid) {
      const bool other = std::ranges::any_of(states_, [&](const auto& entry) {
        return entry.second.dynamic_uid == uid &&
               entry.second.dynamic_name != identity.account.name;
      });
      return other || accounts_.HasUid(uid);
    };
    const auto uid = ChooseDynamicUid(identity.account.name, taken);
    if (!uid) return Fail("there is no number left for a dynamic user");
    state.dynamic_uid = *uid;
    state.dynamic_name = identity.account.name;
  }
  identity.dynamic = true;
  identity.account.uid = state.dynamic_uid;
  identity.account.gid = state.dynamic_uid;
  identity.gid = state.dynamic_uid;
  return {};
}

Result<Identity> Launcher::FindIdentity(const unit::Unit& unit, const unit::ExecSettings& exec,
                                        int& exit_code) {
  Identity identity;
  identity.account = {"root", 0, 0, "/root", "/bin/sh"};
  identity.set = !exec.user.empty() || !exec.group.empty() || exec.dynamic_user ||
                 !exec.supplementary_groups.empty();
  if (!identity.set) return identity;
  identity.named = !exec.user.empty() || exec.dynamic_user;
  std::string name = exec.user;
  if (name.empty() && exec.dynamic_user) name = DynamicUserName(unit.name);
  if (!name.empty()) {
    auto found = accounts_.FindUser(name);
    if (found) {
      identity.account = std::move(*found);
      identity.gid = identity.account.gid;
    } else if (exec.dynamic_user) {
      identity.account = {name, 0, 0, "/", ""};
      INRO_TRY(ChooseDynamicUser(unit, identity));
    } else {
      return std::unexpected(found.error());
    }
  }
  exit_code = sys::kExitGroup;
  if (!exec.group.empty()) {
    INRO_ASSIGN(identity.gid, accounts_.FindGroup(exec.group));
    identity.account.gid = identity.gid;
  }
  identity.groups =
      name.empty() ? std::vector<gid_t>{identity.gid} : accounts_.GroupsOf(identity.account);
  for (const std::string& group_name : exec.supplementary_groups) {
    INRO_ASSIGN(const gid_t group, accounts_.FindGroup(group_name));
    if (std::ranges::count(identity.groups, group) == 0) identity.groups.push_back(group);
  }
  return identity;
}

void Launcher::SetPrivileges(const unit::ExecSettings& exec, std::uint8_t flags, Plan& plan) const {
  sys::SpawnRequest& request = plan.request;
  request.umask = exec.umask.value_or(022);
  request.nice = exec.nice;
  request.oom_score_adjust = exec.oom_score_adjust;
  request.cpu_affinity = exec.cpu_affinity;
  if (exec.cpu_policy || exec.cpu_reset_on_fork) {
    request.cpu_policy =
        exec.cpu_policy.value_or(SCHED_OTHER) | (exec.cpu_reset_on_fork ? SCHED_RESET_ON_FORK : 0);
    request.cpu_priority = exec.cpu_priority;
  }
  if (exec.io_class || exec.io_priority) {
    request.io_priority =
        IOPRIO_PRIO_VALUE(exec.io_class.value_or(IOPRIO_CLASS_BE), exec.io_priority.value_or(4));
  }
  request.timer_slack_ns = exec.timer_slack_ns;
  request.personality = exec.sandbox.personality;
  request.ignore_sigpipe = exec.ignore_sigpipe;
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
  request.secure_bits = exec.secure_bits;
  if (exec.bounding) request.dropped_capabilities = ~exec.bounding->to_ullong();
  request.dropped_capabilities |= sandbox::ImpliedDrops(exec.sandbox);
  request.ambient_capabilities = exec.ambient.to_ullong() & ~request.dropped_capabilities;
  // "!" alters the effect of User= and Group= alone.
  if (plan.identity.set && (flags & unit::kKeepCredentials) == 0) {
    request.uid = plan.identity.account.uid;
    request.gid = plan.identity.gid;
    request.groups = plan.identity.groups;
  }
}

Result<> Launcher::PrepareSpace(Plan& plan, int& exit_code) {
  const unit::SandboxSettings& sandbox = plan.exec->sandbox;
  if (sandbox.private_tmp) {
    exit_code = sys::kExitNamespace;
    PrivateSpace& space = SpaceOf(plan.unit);
    INRO_TRY(space.NeedTmp());
    plan.mounts.tmp = space.tmp();
    plan.mounts.var_tmp = space.var_tmp();
  }
  if (sandbox.private_network && sandbox.network_namespace_path.empty()) {
    exit_code = sys::kExitNetwork;
    PrivateSpace& space = SpaceOf(plan.unit);
    INRO_TRY(space.NeedNetwork());
    plan.network = space.network();
  }
  if (sandbox.private_ipc && sandbox.ipc_namespace_path.empty()) {
    exit_code = sys::kExitNamespace;
    PrivateSpace& space = SpaceOf(plan.unit);
    INRO_TRY(space.NeedIpc());
    plan.ipc = space.ipc();
  }
  plan.mounts.credentials = plan.credentials;
  plan.mounts.directories = plan.directories.owned;
  plan.mounts.notify_socket = settings_.notify_socket;
  return {};
}

Result<> Launcher::PrepareGroup(const LaunchOptions& options, Plan& plan) {
  const unit::ResourceSettings& resources = plan.exec->resources;
  // Where the service lives in groups of its own, its own group takes no process.
  const bool control = !options.main && options.main_pid > 0;
  INRO_ASSIGN(auto opened, groups_.Open(plan.unit, resources, control,
                                        {plan.owner.uid, plan.owner.gid}, settings_.find_unit));
  for (const std::string& note : opened.notes) log_.Warning("{}: {}", plan.unit.name, note);
  if (groups_.version() == CgroupVersion::kV1 && options.main && HasResources(resources)) {
    log_.Warning("{}: its resources are not limited: control groups are v1", plan.unit.name);
  }
  plan.group = std::move(opened.directory);
  plan.request.cgroup = plan.group.get();
  plan.request.cgroup_procs = groups_.ProcsFile(plan.unit, control);
  return {};
}

Result<> Launcher::Prepare(const unit::Command& command, const LaunchOptions& options, Plan& plan,
                           int& exit_code) {
  const unit::Unit& unit = plan.unit;
  const bool sandboxed = sandbox::NeedsSandbox(*plan.exec);
  if (sandboxed || !plan.exec->resources.devices.empty() || plan.exec->sandbox.protect_clock) {
    plan.effective = std::make_unique<unit::ExecSettings>(*plan.exec);
    sandbox::ApplyImplied(*plan.effective);
    plan.exec = plan.effective.get();
  }
  exit_code = sys::kExitUser;
  INRO_ASSIGN(plan.identity, FindIdentity(unit, *plan.exec, exit_code));
  plan.owner = {plan.identity.account.uid, plan.identity.gid};
  exit_code = sys::kExitCgroup;
  INRO_TRY(PrepareGroup(options, plan));
  INRO_ASSIGN(plan.directories,
              MakeServiceDirectories(*plan.exec, plan.owner, exit_code, settings_.directory_root));
  exit_code = sys::kExitCredentials;
  INRO_ASSIGN(plan.credentials,
              MakeCredentials(unit, *plan.exec, plan.owner, files_, settings_.directory_root));
  const bool starts = unit.service && Contains(unit.service->start, command);
  const PassedConnection* connection = nullptr;
  if (activation_ != nullptr && unit.service) {
    if (starts) plan.descriptors = activation_->DescriptorsFor(unit);
    connection = activation_->ConnectionOf(unit);
  }
  plan.descriptors.insert(plan.descriptors.end(), options.stored.begin(), options.stored.end());
  // The main process may have the terminal: what runs beside it must not wait for that.
  const bool beside = unit.service && (Contains(unit.service->start_post, command) ||
                                       Contains(unit.service->reload, command) ||
                                       Contains(unit.service->stop, command));
  StreamRequest streams{unit, *plan.exec, plan.descriptors, connection, output_};
  streams.terminal_input = !beside;
  INRO_ASSIGN(plan.streams, OpenStreams(streams, exit_code));
  // A connection that is the standard input is not passed a second time.
  if (connection != nullptr && plan.exec->input.kind == unit::StandardStream::kSocket) {
    plan.descriptors.clear();
  }
  sys::SpawnRequest& request = plan.request;
  exit_code = sys::kExitMemory;
  OwnVariables own{settings_.notify_socket,
                   StateOf(unit).invocation_id,
                   plan.credentials,
                   plan.streams.journal_stream,
                   plan.streams.terminal || plan.exec->output.kind == unit::StandardStream::kTty,
                   plan.descriptors,
                   connection};
  exit_code = 0;  // as in systemd, that is no end of a process: nothing is started
  INRO_ASSIGN(request.environment, BuildEnvironment(unit, *plan.exec, settings_.environment,
                                                    plan.identity, options, own, files_));
  exit_code = sys::kExitMemory;
  request.pid_variables.emplace_back("SYSTEMD_EXEC_PID");
  if (!plan.descriptors.empty()) request.pid_variables.emplace_back("LISTEN_PID");
  if (options.watchdog.count() > 0) request.pid_variables.emplace_back("WATCHDOG_PID");
  std::erase_if(request.pid_variables, [&](std::string_view name) {
    return std::ranges::count(plan.exec->unset_environment, name) > 0;
  });
  request.argv = unit::ExpandArguments(command, request.environment);
  request.program = FindProgramIn(plan.exec->root_directory, command.program,
                                  std::string(unit::GetVariable(request.environment, "PATH")));
  request.streams = {plan.streams.input.get(), plan.streams.output.get(), plan.streams.error.get()};
  request.controlling_terminal = plan.streams.terminal;
  request.terminal_claim = plan.exec->input.tty_fail    ? sys::TerminalClaim::kFail
                           : plan.exec->input.tty_force ? sys::TerminalClaim::kTake
                                                        : sys::TerminalClaim::kWait;
  request.terminal_path = plan.exec->tty_path;
  for (const PassedDescriptor& descriptor : plan.descriptors) {
    request.passed.push_back(descriptor.fd);
  }
  request.passed_non_blocking = plan.exec->non_blocking;
  if (!plan.exec->working_directory.empty()) {
    request.working_directory = plan.exec->working_directory == "~" ? plan.identity.account.home
                                                                    : plan.exec->working_directory;
    request.working_directory_optional = plan.exec->working_directory_optional;
  }
  SetPrivileges(*plan.exec, command.flags, plan);
  if ((command.flags & unit::kFullPrivileges) != 0 && sandboxed) {
    plan.effective = std::make_unique<unit::ExecSettings>(sandbox::WithFullPrivileges(*plan.exec));
    plan.exec = plan.effective.get();
  }
  const bool forks = sandbox::NeedsSandbox(*plan.exec);
  if (forks) INRO_TRY(PrepareSpace(plan, exit_code));
  if (forks || !plan.directories.hand_over.empty()) {
    plan.setup.emplace(plan.directories.hand_over, plan.owner);
    if (forks) {
      plan.setup->AddSandbox(
          {*plan.exec, plan.mounts, plan.network, plan.ipc, plan.owner.uid, plan.owner.gid});
    }
    request.setup = &*plan.setup;
  }
  return {};
}

Result<pid_t> Launcher::Launch(const unit::Unit& unit, const unit::Command& command,
                               const LaunchOptions& options) {
  for (auto& [pid, pending] : pending_) Poll(pending);
  std::erase_if(pending_,
                [](const auto& entry) { return !entry.second.failed && !entry.second.report; });
  Plan plan(unit);
  plan.exec = ExecSettingsOf(unit);
  if (plan.exec == nullptr) return Fail("{} has no commands", unit.name);
  SetLogLevelMax(unit.name, plan.exec->log_level_max, settings_.directory_root);
  int exit_code = sys::kExitExec;
  const auto prepared = Prepare(command, options, plan, exit_code);
  if (!prepared && exit_code == 0) return std::unexpected(prepared.error());
  if (!prepared) {
    // The process that says so by its status is one all the same: what follows is as for others.
    plan.request.fail_with = exit_code;
    plan.request.setup = nullptr;
    if (plan.request.program.empty()) plan.request.program = command.program;
  }
  INRO_ASSIGN(auto child, sys::SpawnChild(plan.request));
  if (!prepared) child.failure = prepared.error();
  if (child.failure) log_.Error("{}: {}", unit.name, child.failure->ToString());
  if (child.failure || child.report) {
    pending_[child.pid] = {unit.name, std::move(child.report), child.failure.has_value()};
  }
  return child.pid;
}

void Launcher::Poll(Pending& pending) {
  if (!pending.report) return;
  char text[600];
  const ssize_t size = ::read(pending.report.get(), text, sizeof text);
  if (size < 0 && errno == EAGAIN) return;
  pending.report.reset();
  if (size <= 0) return;
  pending.failed = true;
  log_.Error("{}: {}", pending.unit, std::string_view(text, static_cast<std::size_t>(size)));
}

bool Launcher::IsExecuted(pid_t pid) {
  const auto entry = pending_.find(pid);
  if (entry == pending_.end()) return true;
  Poll(entry->second);
  if (entry->second.failed || entry->second.report) return false;
  pending_.erase(entry);
  return true;
}

void Launcher::UnitChanged(const UnitRun& run) {
  // Children that have ended said why before that.
  for (auto entry = pending_.begin(); entry != pending_.end();) {
    auto& [pid, pending] = *entry;
    if (pending.unit != run.unit->name) {
      ++entry;
      continue;
    }
    Poll(pending);
    const bool executed = !pending.failed && !pending.report;
    const bool ended = pid != run.main_pid && pid != run.control_pid;
    entry = executed || ended ? pending_.erase(entry) : std::next(entry);
  }
  if (activation_ != nullptr) activation_->UnitChanged(run);
}

bool Launcher::Holds(const unit::Condition& condition) {
  return EvaluateCondition(condition, line_);
}

void Launcher::Kill(pid_t pid, int signal) {
  if (pid > 1) ::kill(pid, signal);
}

bool Launcher::IsAlive(pid_t pid) { return pid > 1 && ::kill(pid, 0) == 0; }

void Launcher::KillGroup(const unit::Unit& unit, int signal, pid_t except) {
  groups_.Kill(unit, signal, except);
}

bool Launcher::GroupIsEmpty(const unit::Unit& unit) { return groups_.IsEmpty(unit); }

bool Launcher::HadOomKill(const unit::Unit& unit) { return groups_.HadOomKill(unit); }

pid_t Launcher::FindMainProcess(const unit::Unit& unit) {
  const std::string& path = unit.service->pid_file;
  if (path.empty()) {
    const std::vector<pid_t> processes = groups_.Processes(unit);
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

Result<pid_t> Launcher::Mount(const unit::Unit& unit) { return BeginMount(*unit.mount, log_); }

Result<pid_t> Launcher::Unmount(const unit::Unit& unit) { return BeginUnmount(*unit.mount, log_); }

Result<pid_t> Launcher::WaitForBusName(const std::string& name, BusNameState wanted) {
  return BeginBusNameWait(name, wanted, log_);
}

Result<> Launcher::Activate(const unit::Unit& unit) {
  if (activation_ == nullptr) return ServiceHost::Activate(unit);
  return activation_->Activate(unit);
}

void Launcher::Deactivate(const unit::Unit& unit) {
  if (activation_ != nullptr) activation_->Deactivate(unit);
}

void Launcher::CleanUp(const unit::Unit& unit, bool restarting) {
  using unit::PreserveDirectory;
  const unit::ExecSettings* const exec = ExecSettingsOf(unit);
  if (exec == nullptr) return;
  const bool keep = exec->preserve_runtime == PreserveDirectory::kYes ||
                    (restarting && exec->preserve_runtime == PreserveDirectory::kRestart);
  if (!keep) RemoveRuntimeDirectories(*exec, settings_.directory_root);
  if (!exec->credentials.empty()) RemoveCredentials(unit, settings_.directory_root);
  // The next start has a new name, and fresh folders and networks.
  states_.erase(unit.name);
  if (restarting) return;
  SetLogLevelMax(unit.name, kAllLogLevels, settings_.directory_root);
  output_.Forget(unit.name);
  groups_.Remove(unit);
}

}  // namespace inro::guest
