#include "sys/spawn_child.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/ioprio.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif

namespace inro::sys {
namespace {

void Report(int fd, std::string_view reason) {
  static_cast<void>(::write(fd, reason.data(), std::min<std::size_t>(reason.size(), 512)) > 0);
}

[[noreturn]] void FailIn(SpawningChild& child, int exit_code, const char* step) {
  const int error = errno;
  if (child.report >= 0) {
    Report(child.report,
           Error::FromErrno(fmt::format("{} {}", step, child.request.program), error).ToString());
  } else {
    child.failed_errno = error;
    child.failed_step = step;
  }
  ::_exit(exit_code);
}

void RunSetup(SpawningChild& child, std::optional<ChildFailure> (ChildSetup::*step)()) {
  if (child.request.setup == nullptr) return;
  if (const auto failure = (child.request.setup->*step)()) {
    Report(child.report, failure->reason);
    ::_exit(failure->exit_code);
  }
}

bool WriteText(const char* path, const char* text) {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  const bool done = fd >= 0 && ::write(fd, text, std::strlen(text)) >= 0;
  const int saved = errno;
  if (fd >= 0) ::close(fd);
  errno = saved;
  return done;
}

// Decimal digits in front of `end`, where a NUL is put; gives where they begin.
char* WriteNumber(long value, char* end) {
  *end = '\0';
  const bool negative = value < 0;
  if (negative) value = -value;
  do {
    *--end = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value > 0);
  if (negative) *--end = '-';
  return end;
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

// The descriptors may lie in each other's places: first above all of these, then down. Without a
// setup nothing may be allocated, so the numbers above are kept on the stack.
void PlaceDescriptors(SpawningChild& child) {
  const SpawnRequest& request = child.request;
  constexpr std::size_t kMost = 1024;
  int high[3 + kMost];
  const std::size_t count = 3 + request.passed.size();
  if (count > 3 + kMost) {
    errno = EMFILE;
    FailIn(child, kExitFds, "pass descriptors to");
  }
  const auto source = [&](std::size_t i) {
    return i < 3 ? request.streams[i] : request.passed[i - 3];
  };
  const int above = static_cast<int>(count);
  for (std::size_t i = 0; i < count; ++i) {
    high[i] = ::fcntl(source(i), F_DUPFD_CLOEXEC, above);
    if (high[i] < 0) FailIn(child, kExitFds, "set up the descriptors of");
  }
  if (child.report >= 0) {
    const int report = ::fcntl(child.report, F_DUPFD_CLOEXEC, above);
    if (report < 0) FailIn(child, kExitFds, "set up the descriptors of");
    child.report = report;
  }
  for (std::size_t i = 0; i < count; ++i) {
    const int target = static_cast<int>(i);
    if (::dup2(high[i], target) < 0) FailIn(child, kExitFds, "set up the descriptors of");
    if (i < 3) continue;
    const int flags = ::fcntl(target, F_GETFL);
    const int wanted = request.passed_non_blocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    if (flags >= 0 && flags != wanted) ::fcntl(target, F_SETFL, wanted);
  }
  ::syscall(SYS_close_range, static_cast<unsigned>(count), ~0U, CLOSE_RANGE_CLOEXEC);
}

void SetSchedule(SpawningChild& child) {
  const SpawnRequest& request = child.request;
  if (request.oom_score_adjust) {
    char text[16];
    if (!WriteText("/proc/self/oom_score_adj",
                   WriteNumber(*request.oom_score_adjust, text + sizeof text - 1))) {
      FailIn(child, kExitOomAdjust, "set OOMScoreAdjust= of");
    }
  }
  if (request.nice && ::setpriority(PRIO_PROCESS, 0, *request.nice) != 0) {
    FailIn(child, kExitNice, "set Nice= of");
  }
  if (request.cpu_policy) {
    const sched_param parameter{request.cpu_priority};
    // Raw: the C library's own is for its threads.
    if (::syscall(SYS_sched_setscheduler, 0, *request.cpu_policy, &parameter) != 0) {
      FailIn(child, kExitScheduler, "set CPUSchedulingPolicy= of");
    }
  }
  if (!request.cpu_affinity.empty()) {
    cpu_set_t cpus[8];  // 8192 CPUs
    std::memset(cpus, 0, sizeof cpus);
    for (const unsigned cpu : request.cpu_affinity) CPU_SET_S(cpu, sizeof cpus, cpus);
    if (::sched_setaffinity(0, sizeof cpus, cpus) != 0) {
      FailIn(child, kExitCpuAffinity, "set CPUAffinity= of");
    }
  }
  if (request.io_priority &&
      ::syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, *request.io_priority) != 0) {
    FailIn(child, kExitIoPriority, "set IOSchedulingClass= of");
  }
  if (request.timer_slack_ns && ::prctl(PR_SET_TIMERSLACK, *request.timer_slack_ns) != 0) {
    FailIn(child, kExitTimerSlack, "set TimerSlackNSec= of");
  }
  if (request.personality && ::personality(*request.personality) < 0) {
    FailIn(child, kExitPersonality, "set Personality= of");
  }
}

// Raw calls: the C library would signal threads, and there is only this one.
void SetCredentials(SpawningChild& child) {
  const SpawnRequest& request = child.request;
  for (unsigned long capability = 0; capability < 64; ++capability) {
    if ((request.dropped_capabilities >> capability & 1) == 0) continue;
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno != EINVAL) {
      FailIn(child, kExitCapabilities, "set CapabilityBoundingSet= of");
    }
  }
  const bool ambient = request.ambient_capabilities != 0;
  const bool keep = ambient && request.uid;
  if (request.secure_bits != 0) {
    const unsigned bits = request.secure_bits | (keep ? unsigned{SECBIT_KEEP_CAPS} : 0U);
    if (::prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) != 0) {
      FailIn(child, kExitSecureBits, "set SecureBits= of");
    }
  } else if (keep && ::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) {
    FailIn(child, kExitCapabilities, "keep the capabilities of");
  }
  if (request.uid) {
    if (::syscall(SYS_setgroups, request.groups.size(), request.groups.data()) != 0) {
      FailIn(child, kExitGroup, "set the supplementary groups of");
    }
    if (::syscall(SYS_setresgid, request.gid, request.gid, request.gid) != 0) {
      FailIn(child, kExitGroup, "set the group of");
    }
    if (::syscall(SYS_setresuid, *request.uid, *request.uid, *request.uid) != 0) {
      FailIn(child, kExitUser, "set the user of");
    }
  }
  if (!ambient) return;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  if (::syscall(SYS_capget, &header, data) != 0) {
    FailIn(child, kExitCapabilities, "read the capabilities of");
  }
  for (unsigned i = 0; i < 2; ++i) {
    const auto bits = static_cast<std::uint32_t>(request.ambient_capabilities >> (32 * i));
    const auto wanted = request.uid && *request.uid != 0 ? bits : bits | data[i].permitted;
    data[i].permitted &= wanted;
    data[i].effective = data[i].permitted;
    data[i].inheritable = data[i].permitted & bits;
  }
  if (::syscall(SYS_capset, &header, data) != 0) {
    FailIn(child, kExitCapabilities, "set the capabilities of");
  }
  for (unsigned capability = 0; capability < 64; ++capability) {
    if ((request.ambient_capabilities >> capability & 1) == 0) continue;
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0);
  }
}

}  // namespace

void RunSpawningChild(SpawningChild& child) {
  const SpawnRequest& request = child.request;
  if (request.fail_with != 0) ::_exit(request.fail_with);
  for (char* const place : child.pid_values) {
    char text[kPidDigits];
    char* const digits = WriteNumber(::getpid(), text + sizeof text - 1);
    std::memcpy(place, digits, static_cast<std::size_t>(text + sizeof text - digits));
  }
  ResetSignals(request);
  ::setsid();
  if (!child.in_cgroup && !request.cgroup_procs.empty() &&
      !WriteText(request.cgroup_procs.c_str(), "0")) {
    FailIn(child, kExitCgroup, "enter the control group of");
  }
  PlaceDescriptors(child);
  if (request.controlling_terminal) {
    errno = ClaimTerminal(request.terminal_claim, request.terminal_path.c_str());
    if (errno != 0) FailIn(child, kExitStdin, "get the terminal of");
  }
  SetSchedule(child);
  RunSetup(child, &ChildSetup::Enter);
  for (const auto& [resource, limit] : request.limits) {
    if (::syscall(SYS_prlimit64, 0, resource, &limit, nullptr) != 0) {
      FailIn(child, kExitLimits, "set a limit of");
    }
  }
  ::umask(request.umask);
  SetCredentials(child);
  if (::chdir(request.working_directory.c_str()) != 0) {
    if (!request.working_directory_optional || ::chdir("/") != 0) {
      FailIn(child, kExitChdir, "change to WorkingDirectory= of");
    }
  }
  if (request.no_new_privileges && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    FailIn(child, kExitNoNewPrivileges, "set NoNewPrivileges= of");
  }
  RunSetup(child, &ChildSetup::Restrict);
  ::execve(request.program.c_str(), child.argv, child.environment);
  FailIn(child, kExitExec, "execute");
}

}  // namespace inro::sys
