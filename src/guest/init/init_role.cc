#include "guest/init/init_role.h"

#include <malloc.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "guest/init/boot_conf.h"
#include "guest/init/boot_steps.h"
#include "guest/init/machine.h"
#include "guest/init/main_loop.h"
#include "guest/init/module_loader.h"
#include "guest/init/mount_table.h"
#include "guest/init/root_switch.h"
#include "unit/text.h"

namespace inro::guest {
namespace {

constexpr const char* kPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::string ReadOr(const char* path, const char* fallback) {
  return sys::DiskFileSource().Read(path, 64 << 10).value_or(fallback);
}

// A guest without a root cannot do anything: say why and end, so that the host need not guess.
[[noreturn]] void GiveUp(KernelLog& log, const Error& error) {
  log.Error("no root: {}", error.ToString());
  EndSystem(PowerKind::kPoweroff, false, log);
  while (true) ::pause();
}

void ExecuteOther(const std::string& program, char** argv, KernelLog& log) {
  log.Info("executing {}", program);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  std::string name = program;
  std::vector<char*> arguments{name.data()};
  for (char** word = argv + 1; *word != nullptr; ++word) arguments.push_back(*word);
  arguments.push_back(nullptr);
  ::execv(program.c_str(), arguments.data());
  log.Error("execute {}: {}; going on as init", program, std::strerror(errno));
}

void AddCommandLine(const unit::KernelCommandLine& line, MainLoopSettings& settings) {
  if (const auto target = line.Last("systemd.unit")) settings.target = *target;
  for (const auto name : line.All("systemd.mask")) settings.loader.masked.emplace_back(name);
  for (const auto name : line.All("systemd.wants")) settings.also_start.emplace_back(name);
  for (const auto text : line.All("systemd.setenv")) {
    if (unit::IsAssignment(text)) unit::SetVariable(settings.environment, text);
  }
}

// What units get is what ConditionEnvironment= asks of PID 1.
void UseEnvironment(const unit::Environment& environment) {
  for (const std::string& variable : environment) {
    const std::size_t equals = variable.find('=');
    ::setenv(variable.substr(0, equals).c_str(), variable.c_str() + equals + 1, 1);
  }
}

unit::SystemFacts ReadFacts(std::string host_name, std::string machine_id) {
  struct utsname system{};
  ::uname(&system);
  unit::SystemFacts facts{std::move(host_name), std::move(machine_id), "", system.release};
  for (const char c : ReadOr("/proc/sys/kernel/random/boot_id", "")) {
    if (unit::IsAlnum(c)) facts.boot_id += c;
  }
  return facts;
}

int Boot(char** argv, int (*generate)(int argc, char** argv)) {
  BootSteps steps;
  KernelLog log;
  sys::SystemMounts mounts;
  ModuleLoader modules(log);
  MountAll(mounts, EarlyMounts(), log);
  ModprobePause no_modprobe;
  MakeStandardDescriptors();
  log.Open();
  log.Notice("started");
  const auto line = unit::KernelCommandLine::Parse(ReadOr("/proc/cmdline", ""));
  const bool traced = line.Matches("agent.trace") && line.Flag("agent.trace", true);
  steps.Mark("early mounts");
  BootConf conf = ParseBootConf(ReadOr(kBootConfPath, ""));
  ApplyCommandLine(line, conf);
  RootSwitch context{mounts, modules, log, steps};
  const Body body = DetectBody();
  if (const auto done = SwitchRoot(context, body, conf); !done) GiveUp(log, done.error());
  log.Notice("root mounted");
  if (!conf.Executable().empty()) {
    no_modprobe.End();
    if (traced) steps.Write(true);
    ExecuteOther(conf.Executable(), argv, log);
  }

  MountAll(mounts, StandardMounts(), log);
  const CgroupVersion version =
      MountCgroups(mounts, ChooseCgroups(line), ReadOr("/proc/cgroups", ""), log);
  ShareMounts(mounts, log);
  no_modprobe.End();
  MakeDeviceLinks(log);
  RaiseLimits();
  StartLoopback(log);
  MainLoopSettings settings;
  settings.environment.emplace_back(kPath);
  settings.generators.own = generate;
  settings.loader.facts = ReadFacts(SetHostName(line, log), SetMachineId(log));
  AddCommandLine(line, settings);
  UseEnvironment(settings.environment);
  steps.Mark("mounts and machine");
  settings.finish_machine = [&] {
    if (traced) steps.Mark("first unit");
    ApplySysctls(log);
    modules.LoadList(kEarlyModulesPath);  // the body may list more than the initrd carries
    modules.LoadConfigured();
    if (!traced) return;
    steps.Mark("modules and sysctls");
    steps.Write(false);
  };
  for (const char* path : {"/run/systemd", "/run/systemd/system"}) ::mkdir(path, 0755);
  ::mkdir("/run/inro", 0700);
  const ControlGroups groups(
      version == CgroupVersion::kV2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/systemd", version);
  const PowerRequest request = RunMainLoop(settings, sys::DiskFileSource(), line, groups, log);
  if (request.urgency != PowerUrgency::kImmediate) KillEverything(10'000);
  EndSystem(request.kind, request.urgency != PowerUrgency::kImmediate, log);
  while (true) ::pause();
}

int Supervise(const std::vector<std::string_view>& words) {
  MainLoopSettings settings;
  std::string cgroup;
  std::string state;
  for (std::size_t i = 1; i + 1 < words.size(); i += 2) {
    const std::string value(words[i + 1]);
    if (words[i] == "--units") settings.loader.search_path = {value};
    if (words[i] == "--state") state = value;
    if (words[i] == "--cgroup") cgroup = value;
    if (words[i] == "--target") settings.target = value;
  }
  if (state.empty() || ::getpid() != 1) return 2;
  settings.environment.emplace_back(kPath);
  settings.notify_path = state + "/notify";
  settings.state_path = state + "/units.tsv";
  settings.request_path = state + "/init.sock";
  settings.generators = {{}, {}};
  settings.timers.stamps = state + "/timers";
  settings.timers.list = state + "/timers.tsv";
  settings.directory_root = state;
  KernelLog log;
  log.Use(UniqueFd(::dup(STDERR_FILENO)));
  const ControlGroups groups(cgroup, CgroupVersion::kV2);
  log.Info("started");
  const PowerRequest request =
      RunMainLoop(settings, sys::DiskFileSource(), unit::KernelCommandLine::Parse(""), groups, log);
  if (request.urgency != PowerUrgency::kImmediate) KillEverything(2000);
  // In a pid namespace this ends the namespace, not the machine.
  EndSystem(request.kind, false, log);
  return 1;
}

}  // namespace

int RunInit(int argc, char** argv, int (*generate)(int argc, char** argv)) {
  // One arena, trimmed early, no large thresholds: this process lives as long as the guest.
  ::mallopt(M_ARENA_MAX, 1);
  ::mallopt(M_TRIM_THRESHOLD, 64 << 10);
  ::mallopt(M_TOP_PAD, 16 << 10);
  BlockSignals();
  ::umask(022);
  std::vector<std::string_view> words;
  for (int i = 0; i < argc; ++i) words.emplace_back(argv[i]);
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--supervise")
      return Supervise({words.begin() + static_cast<std::ptrdiff_t>(i), words.end()});
  }
  if (::getpid() != 1) {
    static constexpr char kUsage[] = "inro-guest init: runs only as PID 1\n";
    static_cast<void>(::write(STDERR_FILENO, kUsage, sizeof kUsage - 1) > 0);
    return 2;
  }
  return Boot(argv, generate);
}

}  // namespace inro::guest
