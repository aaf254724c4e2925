#include "sys/spawn.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "sys/spawn_child.h"

namespace inro::sys {
namespace {

struct ExitName {
  int code;
  std::string_view name;
};
constexpr ExitName kExitNames[] = {
    {kExitChdir, "CHDIR"},
    {kExitNice, "NICE"},
    {kExitFds, "FDS"},
    {kExitExec, "EXEC"},
    {kExitMemory, "MEMORY"},
    {kExitLimits, "LIMITS"},
    {kExitOomAdjust, "OOM_ADJUST"},
    {kExitSignalMask, "SIGNAL_MASK"},
    {kExitStdin, "STDIN"},
    {kExitStdout, "STDOUT"},
    {kExitChroot, "CHROOT"},
    {kExitIoPriority, "IOPRIO"},
    {kExitTimerSlack, "TIMERSLACK"},
    {kExitSecureBits, "SECUREBITS"},
    {kExitScheduler, "SETSCHEDULER"},
    {kExitCpuAffinity, "CPUAFFINITY"},
    {kExitGroup, "GROUP"},
    {kExitUser, "USER"},
    {kExitCapabilities, "CAPABILITIES"},
    {kExitCgroup, "CGROUP"},
    {kExitSetsid, "SETSID"},
    {kExitStderr, "STDERR"},
    {kExitPam, "PAM"},
    {kExitNetwork, "NETWORK"},
    {kExitNamespace, "NAMESPACE"},
    {kExitNoNewPrivileges, "NO_NEW_PRIVILEGES"},
    {kExitSeccomp, "SECCOMP"},
    {kExitPersonality, "PERSONALITY"},
    {kExitAddressFamilies, "ADDRESS_FAMILIES"},
    {kExitRuntimeDirectory, "RUNTIME_DIRECTORY"},
    {kExitStateDirectory, "STATE_DIRECTORY"},
    {kExitCacheDirectory, "CACHE_DIRECTORY"},
    {kExitLogsDirectory, "LOGS_DIRECTORY"},
    {kExitConfigurationDirectory, "CONFIGURATION_DIRECTORY"},
    {kExitCredentials, "CREDENTIALS"},
};

int CloneEntry(void* argument) { RunSpawningChild(*static_cast<SpawningChild*>(argument)); }
void AsmEntry(void* argument) { RunSpawningChild(*static_cast<SpawningChild*>(argument)); }

constexpr std::size_t kStackBytes = 64 << 10;

// clone3 with CLONE_INTO_CGROUP: to move a process into a group later waits for an RCU grace
// period, to start it there does not. -1 and errno where that cannot be done here.
long CloneIntoGroup([[maybe_unused]] SpawningChild& child, [[maybe_unused]] void* stack) {
#if defined(__x86_64__)
  clone_args arguments{};
  arguments.flags = CLONE_VM | CLONE_VFORK | CLONE_INTO_CGROUP;
  arguments.exit_signal = SIGCHLD;
  arguments.stack = reinterpret_cast<std::uintptr_t>(stack);
  arguments.stack_size = kStackBytes;
  arguments.cgroup = static_cast<std::uint64_t>(child.request.cgroup);
  child.in_cgroup = true;
  long result = SYS_clone3;
  register void (*entry)(void*) asm("r12") = &AsmEntry;
  register void* data asm("r13") = &child;
  // The child has a stack of its own and never comes back from the call.
  asm volatile(
      "syscall\n\t"
      "testq %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xorl %%ebp, %%ebp\n\t"
      "movq %%r13, %%rdi\n\t"
      "callq *%%r12\n\t"
      "hlt\n"
      "1:\n"
      : "+a"(result)
      : "D"(&arguments), "S"(sizeof arguments), "r"(entry), "r"(data)
      : "rcx", "r11", "memory");
  if (result >= 0) return result;
  errno = static_cast<int>(-result);
#else
  errno = ENOSYS;
#endif
  child.in_cgroup = false;
  return -1;
}

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const std::string& text : strings) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// A copy of this process, in the group from the start. As fork(2) gives it.
long Fork(SpawningChild& child) {
  if (child.request.cgroup >= 0) {
    clone_args arguments{};
    arguments.flags = CLONE_INTO_CGROUP;
    arguments.exit_signal = SIGCHLD;
    arguments.cgroup = static_cast<std::uint64_t>(child.request.cgroup);
    child.in_cgroup = true;
    const long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid >= 0) return pid;
    child.in_cgroup = false;
  }
  return ::fork();
}

Result<SpawnedChild> SpawnForked(SpawningChild& child) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return FailErrno("make a pipe");
  SpawnedChild spawned;
  spawned.report.reset(ends[0]);
  const UniqueFd report(ends[1]);
  child.report = report.get();
  const long pid = Fork(child);
  if (pid == 0) RunSpawningChild(child);
  if (pid < 0) return FailErrno("start a process for {}", child.request.program);
  spawned.pid = static_cast<pid_t>(pid);
  return spawned;
}

Result<SpawnedChild> SpawnInPlace(SpawningChild& child) {
  const SpawnRequest& request = child.request;
  void* stack = ::mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) return FailErrno("allocate a stack for {}", request.program);
  long pid = -1;
  if (request.cgroup >= 0) pid = CloneIntoGroup(child, stack);
  if (pid < 0) {
    pid = ::clone(&CloneEntry, static_cast<char*>(stack) + kStackBytes,
                  CLONE_VM | CLONE_VFORK | SIGCHLD, &child);
  }
  const int clone_errno = errno;
  ::munmap(stack, kStackBytes);
  if (pid < 0) {
    return std::unexpected(
        Error::FromErrno(fmt::format("start a process for {}", request.program), clone_errno));
  }
  SpawnedChild spawned;
  spawned.pid = static_cast<pid_t>(pid);
  if (child.failed_step != nullptr) {
    spawned.failure = Error::FromErrno(fmt::format("{} {}", child.failed_step, request.program),
                                       child.failed_errno);
  }
  return spawned;
}

}  // namespace

std::string_view ChildExitName(int code) {
  const auto* row = std::ranges::find(kExitNames, code, &ExitName::code);
  return row == std::end(kExitNames) ? std::string_view() : row->name;
}

Result<SpawnedChild> SpawnChild(const SpawnRequest& request) {
  const std::vector<char*> argv = Pointers(request.argv);
  std::vector<std::string> own;
  own.reserve(request.pid_variables.size());
  std::vector<char*> pid_values;
  std::vector<char*> environment = Pointers(request.environment);
  environment.pop_back();
  for (const std::string_view name : request.pid_variables) {
    std::string& entry = own.emplace_back(name);
    entry += '=';
    const std::size_t at = entry.size();
    entry.resize(at + kPidDigits);
    environment.push_back(entry.data());
    pid_values.push_back(entry.data() + at);
  }
  environment.push_back(nullptr);
  SpawningChild child{request, argv.data(), environment.data(), pid_values};
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &before);
  const bool waits = request.controlling_terminal && request.terminal_claim == TerminalClaim::kWait;
  auto spawned = request.setup != nullptr || waits ? SpawnForked(child) : SpawnInPlace(child);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  return spawned;
}

Result<pid_t> Spawn(const SpawnRequest& request) {
  INRO_ASSIGN(const SpawnedChild spawned, SpawnChild(request));
  if (spawned.failure) {
    // Ours to collect: nobody has heard of this process.
    while (::waitpid(spawned.pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    return std::unexpected(*spawned.failure);
  }
  return spawned.pid;
}

std::string FindProgram(const std::string& name, const std::string& path) {
  if (name.starts_with('/')) return name;
  std::string_view rest = path;
  while (!rest.empty()) {
    const std::size_t colon = rest.find(':');
    const std::string candidate = std::string(rest.substr(0, colon)) + "/" + name;
    struct stat info{};
    if (::stat(candidate.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
        ::access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
    rest.remove_prefix(colon == std::string_view::npos ? rest.size() : colon + 1);
  }
  return name;
}

}  // namespace inro::sys
