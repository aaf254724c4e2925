#include "sys/spawn.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif

namespace inro::sys {
namespace {

// Shared with the child, which runs in the parent's memory while the parent waits.
struct Child {
  const SpawnRequest& request;
  char* const* argv;
  char* const* environment;
  bool in_cgroup = false;
  const char* failed_step = nullptr;
  int failed_errno = 0;
};

[[noreturn]] void FailIn(Child& child, const char* step) {
  child.failed_errno = errno;
  child.failed_step = step;
  ::_exit(203);
}

void WriteText(const char* path, const char* text, bool& ok) {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  ok = fd >= 0 && ::write(fd, text, std::strlen(text)) >= 0;
  const int saved = errno;
  if (fd >= 0) ::close(fd);
  errno = saved;
}

void ResetSignals(const SpawnRequest& request) {
  struct sigaction action{};
  for (int number = 1; number < NSIG; ++number) {
    const bool ignore = number == SIGPIPE && request.ignore_sigpipe;
    action.sa_handler = ignore ? SIG_IGN : SIG_DFL;
    ::sigaction(number, &action, nullptr);
  }
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// The streams may lie in each other's places: first above 2, then down.
void PlaceStreams(Child& child) {
  int high[3];
  for (int i = 0; i < 3; ++i) {
    high[i] = ::fcntl(child.request.streams[static_cast<std::size_t>(i)], F_DUPFD_CLOEXEC, 3);
    if (high[i] < 0) FailIn(child, "set up standard streams");
  }
  for (int i = 0; i < 3; ++i) {
    if (::dup2(high[i], i) < 0) FailIn(child, "set up standard streams");
  }
  ::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
}

void SetOomScore(Child& child) {
  if (!child.request.oom_score_adjust) return;
  char text[16];
  int value = *child.request.oom_score_adjust;
  char* end = text + sizeof text - 1;
  *end = '\0';
  const bool negative = value < 0;
  if (negative) value = -value;
  do {
    *--end = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value > 0);
  if (negative) *--end = '-';
  bool ok = false;
  WriteText("/proc/self/oom_score_adj", end, ok);
  if (!ok) FailIn(child, "set OOMScoreAdjust=");
}

// Raw calls: the C library would signal threads, and there is only this one.
void SetCredentials(Child& child) {
  const SpawnRequest& request = child.request;
  const bool ambient = request.ambient_capabilities != 0;
  if (request.uid) {
    if (::syscall(SYS_setgroups, request.groups.size(), request.groups.data()) != 0) {
      FailIn(child, "set supplementary groups");
    }
    if (::syscall(SYS_setresgid, request.gid, request.gid, request.gid) != 0) {
      FailIn(child, "set the group");
    }
    if (ambient && ::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) FailIn(child, "keep capabilities");
    if (::syscall(SYS_setresuid, *request.uid, *request.uid, *request.uid) != 0) {
      FailIn(child, "set the user");
    }
  }
  if (ambient) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2]{};
    if (::syscall(SYS_capget, &header, data) != 0) FailIn(child, "read capabilities");
    for (unsigned i = 0; i < 2; ++i) {
      const auto bits = static_cast<std::uint32_t>(request.ambient_capabilities >> (32 * i));
      const auto wanted = request.uid && *request.uid != 0 ? bits : bits | data[i].permitted;
      data[i].permitted &= wanted;
      data[i].effective = data[i].permitted;
      data[i].inheritable = data[i].permitted & bits;
    }
    if (::syscall(SYS_capset, &header, data) != 0) FailIn(child, "set capabilities");
    for (unsigned capability = 0; capability < 64; ++capability) {
      if ((request.ambient_capabilities >> capability & 1) == 0) continue;
      ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0);
    }
  }
}

[[noreturn]] void RunChild(void* argument) {
  Child& child = *static_cast<Child*>(argument);
  const SpawnRequest& request = child.request;
  ResetSignals(request);
  ::setsid();
  if (!child.in_cgroup && !request.cgroup_procs.empty()) {
    bool ok = false;
    WriteText(request.cgroup_procs.c_str(), "0", ok);
    if (!ok) FailIn(child, "enter the control group");
  }
  PlaceStreams(child);
  if (request.controlling_terminal) ::ioctl(0, TIOCSCTTY, 1);
  SetOomScore(child);
  for (const auto& [resource, limit] : request.limits) {
    if (::syscall(SYS_prlimit64, 0, resource, &limit, nullptr) != 0) FailIn(child, "set a limit");
  }
  if (request.nice && ::setpriority(PRIO_PROCESS, 0, *request.nice) != 0)
    FailIn(child, "set Nice=");
  ::umask(request.umask);
  for (unsigned long capability = 0; capability < 64; ++capability) {
    if ((request.dropped_capabilities >> capability & 1) == 0) continue;
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno != EINVAL) {
      FailIn(child, "set CapabilityBoundingSet=");
    }
  }
  SetCredentials(child);
  if (::chdir(request.working_directory.c_str()) != 0) {
    if (!request.working_directory_optional || ::chdir("/") != 0) {
      FailIn(child, "change to WorkingDirectory=");
    }
  }
  if (request.no_new_privileges && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    FailIn(child, "set NoNewPrivileges=");
  }
  ::execve(request.program.c_str(), child.argv, child.environment);
  FailIn(child, "execute");
}

int CloneEntry(void* argument) { RunChild(argument); }

constexpr std::size_t kStackBytes = 64 << 10;

// clone3 with CLONE_INTO_CGROUP: to move a process into a group later waits for an RCU grace
// period, to start it there does not. -1 and errno where that cannot be done here.
long CloneIntoGroup([[maybe_unused]] Child& child, [[maybe_unused]] void* stack) {
#if defined(__x86_64__)
  clone_args arguments{};
  arguments.flags = CLONE_VM | CLONE_VFORK | CLONE_INTO_CGROUP;
  arguments.exit_signal = SIGCHLD;
  arguments.stack = reinterpret_cast<std::uintptr_t>(stack);
  arguments.stack_size = kStackBytes;
  arguments.cgroup = static_cast<std::uint64_t>(child.request.cgroup);
  child.in_cgroup = true;
  long result = SYS_clone3;
  register void (*entry)(void*) asm("r12") = &RunChild;
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

}  // namespace

Result<pid_t> Spawn(const SpawnRequest& request) {
  const std::vector<char*> argv = Pointers(request.argv);
  const std::vector<char*> environment = Pointers(request.environment);
  void* stack = ::mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) return FailErrno("allocate a stack for {}", request.program);
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &before);
  Child child{request, argv.data(), environment.data()};
  long pid = -1;
  if (request.cgroup >= 0) pid = CloneIntoGroup(child, stack);
  if (pid < 0) {
    pid = ::clone(&CloneEntry, static_cast<char*>(stack) + kStackBytes,
                  CLONE_VM | CLONE_VFORK | SIGCHLD, &child);
  }
  const int clone_errno = errno;
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  ::munmap(stack, kStackBytes);
  if (pid < 0) {
    return std::unexpected(
        Error::FromErrno(fmt::format("start a process for {}", request.program), clone_errno));
  }
  if (child.failed_step != nullptr) {
    // Ours to collect: nobody has heard of this process.
    while (::waitpid(static_cast<pid_t>(pid), nullptr, 0) < 0 && errno == EINTR) {
    }
    return std::unexpected(Error::FromErrno(
        fmt::format("{} {}", child.failed_step, request.program), child.failed_errno));
  }
  return static_cast<pid_t>(pid);
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
