// Filters at work: each test is a child process under the filters of some settings.
#include "guest/sandbox/seccomp_filters.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>

#include "guest/sandbox/system_call_groups.h"

namespace inro::guest::sandbox {
namespace {

// The status of a child that ran `body` under the filters; `body`'s value is its exit code.
int RunUnder(const unit::ExecSettings& exec, const std::function<int()>& body) {
  const auto filters = BuildFilters(exec);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    for (const SeccompFilter& filter : filters) {
      if (InstallFilter(filter.program) != 0) ::_exit(250);
    }
    ::_exit(body());
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return status;
}

// The errno that `call` ends with under the filters; 0: it worked.
int ErrnoUnder(const unit::ExecSettings& exec, const std::function<long()>& call) {
  const int status = RunUnder(exec, [&] { return call() >= 0 ? 0 : errno; });
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(SystemCallTable, KnowsTheMachineItself) {
  const Architecture& native = Architectures().front();
  EXPECT_EQ(NumberOf(native, "read"), SYS_read);
  EXPECT_EQ(NumberOf(native, "openat2"), SYS_openat2);
  EXPECT_EQ(NumberOf(native, "no_such_call"), kNoCall);
#if defined(__x86_64__)
  EXPECT_EQ(NumberOf(Architectures()[1], "read"), 3);
  EXPECT_EQ(NumberOf(Architectures()[1], "socketcall"), 102);
  EXPECT_EQ(NumberOf(native, "socketcall"), kNoCall);
#endif
}

TEST(SystemCallGroups, NestAndAreComplete) {
  EXPECT_NE(MembersOfGroup("@system-service")->find("@file-system"), std::string_view::npos);
  EXPECT_FALSE(MembersOfGroup("@nonsense"));
  // Each word of each group that is a group is one.
  for (const auto* group : {"@system-service", "@privileged", "@process", "@default"}) {
    std::string_view members = *MembersOfGroup(group);
    while (!members.empty()) {
      const std::size_t space = members.find(' ');
      const std::string_view word = members.substr(0, space);
      EXPECT_TRUE(!word.starts_with('@') || MembersOfGroup(word)) << word;
      members.remove_prefix(space == std::string_view::npos ? members.size() : space + 1);
    }
  }
}

TEST(SystemCallFilter, DeniesWithTheErrnoOfTheUnit) {
  unit::ExecSettings exec;
  exec.sandbox.system_calls = unit::SystemCallRules{false, {"mkdir", "@clock", "uname:EBUSY"}};
  exec.sandbox.system_call_errno = EACCES;
  EXPECT_EQ(ErrnoUnder(exec, [] { return ::mkdir("/", 0700); }), EACCES);
  EXPECT_EQ(ErrnoUnder(exec, [] { return ::syscall(SYS_uname, nullptr); }), EBUSY);
  EXPECT_EQ(ErrnoUnder(exec, [] { return ::syscall(SYS_settimeofday, nullptr, nullptr); }), EACCES);
  EXPECT_EQ(ErrnoUnder(exec, [] { return ::getppid(); }), 0);
}

TEST(SystemCallFilter, KillsWithoutAnErrno) {
  unit::ExecSettings exec;
  exec.sandbox.system_calls = unit::SystemCallRules{false, {"mkdir"}};
  EXPECT_EQ(ErrnoUnder(exec, [] { return ::mkdir("/", 0700); }), -SIGSYS);
}

TEST(SystemCallFilter, AllowsAListAndWhatIsAlwaysWithIt) {
  unit::ExecSettings exec;
  exec.sandbox.system_calls =
      unit::SystemCallRules{true, {"@system-service", "~@privileged", "~uname:EXDEV"}};
  exec.sandbox.system_call_errno = EPERM;
  EXPECT_EQ(ErrnoUnder(exec, [] { return ::getpid(); }), 0);
  EXPECT_EQ(ErrnoUnder(exec, [] { return ::open("/dev/null", O_RDONLY); }), 0);
  EXPECT_EQ(ErrnoUnder(exec, [] { return ::chroot("/"); }), EPERM);
  EXPECT_EQ(ErrnoUnder(exec, [] { return ::syscall(SYS_mount, 0, 0, 0, 0, 0); }), EPERM);
  EXPECT_EQ(ErrnoUnder(exec, [] { return ::syscall(SYS_uname, nullptr); }), EXDEV);
  // Nobody's number is a call of the future.
  EXPECT_EQ(ErrnoUnder(exec, [] { return ::syscall(4000); }), ENOSYS);
}

TEST(SystemCallFilter, EveryGroupLoads) {
  for (const char* group :
       {"@default", "@aio",         "@basic-io",       "@chown",     "@clock",   "@cpu-emulation",
        "@debug",   "@file-system", "@io-event",       "@ipc",       "@keyring", "@memlock",
        "@module",  "@mount",       "@network-io",     "@obsolete",  "@pkey",    "@privileged",
        "@process", "@raw-io",      "@reboot",         "@resources", "@setuid",  "@signal",
        "@swap",    "@sync",        "@system-service", "@timer"}) {
    ASSERT_TRUE(MembersOfGroup(group)) << group;
    unit::ExecSettings exec;
    exec.sandbox.system_calls = unit::SystemCallRules{true, {group, "seccomp", "exit_group"}};
    const int status = RunUnder(exec, [] { return 7; });
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7) << group;
  }
}

TEST(RestrictAddressFamilies, AllowsOnlyTheListed) {
  unit::ExecSettings exec;
  exec.sandbox.address_families = unit::SandboxSettings::AddressFamilies{true, {AF_UNIX, AF_INET}};
  EXPECT_EQ(ErrnoUnder(exec, [] { return ::socket(AF_UNIX, SOCK_STREAM, 0); }), 0);
  EXPECT_EQ(ErrnoUnder(exec, [] { return ::socket(AF_NETLINK, SOCK_RAW, 0); }), EAFNOSUPPORT);
  exec.sandbox.address_families = unit::SandboxSettings::AddressFamilies{false, {AF_UNIX}};
  EXPECT_EQ(ErrnoUnder(exec, [] { return ::socket(AF_UNIX, SOCK_STREAM, 0); }), EAFNOSUPPORT);
  exec.sandbox.address_families = unit::SandboxSettings::AddressFamilies{true, {}};
  EXPECT_EQ(ErrnoUnder(exec, [] { return ::socket(AF_INET, SOCK_DGRAM, 0); }), EAFNOSUPPORT);
}

TEST(RestrictNamespaces, AllowsOnlyTheListed) {
  unit::ExecSettings exec;
  exec.sandbox.allowed_namespaces = CLONE_NEWUTS;
  EXPECT_EQ(ErrnoUnder(exec, [] { return ::unshare(CLONE_NEWNS); }), EPERM);
  if (::geteuid() == 0) {
    EXPECT_EQ(ErrnoUnder(exec, [] { return ::unshare(CLONE_NEWUTS); }), 0);
  }
  EXPECT_EQ(ErrnoUnder(exec, [] { return ::syscall(SYS_clone3, nullptr, 0); }), ENOSYS);
  EXPECT_EQ(ErrnoUnder(exec, [] { return ::setns(-1, 0); }), EPERM);
  // Threads and processes are still made.
  EXPECT_EQ(ErrnoUnder(exec,
                       [] {
                         const pid_t pid = ::fork();
                         if (pid == 0) ::_exit(0);
                         return pid;
                       }),
            0);
}

TEST(RestrictRealtime, LeavesTheOrdinaryPolicies) {
  unit::ExecSettings exec;
  exec.sandbox.restrict_realtime = true;
  const sched_param none{0};
  const sched_param one{1};
  EXPECT_EQ(ErrnoUnder(exec, [&] { return ::sched_setscheduler(0, SCHED_BATCH, &none); }), 0);
  EXPECT_EQ(ErrnoUnder(exec, [&] { return ::sched_setscheduler(0, SCHED_FIFO, &one); }), EPERM);
}

TEST(RestrictSuidSgid, NoBitsByAnyCall) {
  unit::ExecSettings exec;
  exec.sandbox.restrict_suid_sgid = true;
  char path[] = "/tmp/inro-suid-XXXXXX";
  const int fd = ::mkstemp(path);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(ErrnoUnder(exec, [&] { return ::chmod(path, 04755); }), EPERM);
  EXPECT_EQ(ErrnoUnder(exec, [&] { return ::fchmod(fd, 02755); }), EPERM);
  EXPECT_EQ(ErrnoUnder(exec, [&] { return ::chmod(path, 0755); }), 0);
  EXPECT_EQ(ErrnoUnder(exec, [&] { return ::open(path, O_RDWR | O_CREAT, 04700); }), EPERM);
  EXPECT_EQ(ErrnoUnder(exec, [&] { return ::open(path, O_RDWR | O_CREAT, 0700); }), 0);
  EXPECT_EQ(ErrnoUnder(exec, [&] { return ::open("/tmp", O_RDWR | O_TMPFILE, 04700); }), EPERM);
  EXPECT_EQ(ErrnoUnder(exec, [&] { return ::open("/tmp", O_RDONLY | O_DIRECTORY); }), 0);
  ::close(fd);
  ::unlink(path);
}

TEST(LockPersonality, StaysAsItIs) {
  unit::ExecSettings exec;
  exec.sandbox.lock_personality = true;
  EXPECT_EQ(ErrnoUnder(exec, [] { return ::personality(PER_LINUX32); }), EPERM);
  EXPECT_EQ(ErrnoUnder(exec, [] { return ::personality(0xffffffff); }), 0);
}

TEST(MemoryDenyWriteExecute, NoMemoryBecomesCode) {
  unit::ExecSettings exec;
  exec.sandbox.memory_deny_write_execute = true;
  const auto map = [](int protection) {
    return reinterpret_cast<long>(
        ::mmap(nullptr, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  };
  EXPECT_EQ(ErrnoUnder(exec, [&] { return map(PROT_READ | PROT_WRITE | PROT_EXEC); }), EPERM);
  EXPECT_EQ(ErrnoUnder(exec, [&] { return map(PROT_READ | PROT_EXEC); }), 0);
  EXPECT_EQ(ErrnoUnder(exec,
                       [&] {
                         void* const page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE,
                                                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                         return ::mprotect(page, 4096, PROT_READ | PROT_EXEC);
                       }),
            EPERM);
}

TEST(ProtectSettings, ForbidTheirCalls) {
  unit::ExecSettings exec;
  exec.sandbox.protect_hostname = true;
  exec.sandbox.protect_kernel_modules = true;
  exec.sandbox.protect_kernel_logs = true;
  exec.sandbox.protect_clock = true;
  EXPECT_EQ(ErrnoUnder(exec, [] { return ::sethostname("x", 1); }), EPERM);
  EXPECT_EQ(ErrnoUnder(exec, [] { return ::syscall(SYS_delete_module, nullptr, 0); }), EPERM);
  EXPECT_EQ(ErrnoUnder(exec, [] { return ::syscall(SYS_syslog, 10, nullptr, 0); }), EPERM);
  EXPECT_EQ(ErrnoUnder(exec, [] { return ::syscall(SYS_clock_settime, 0, nullptr); }), EPERM);
}

#if defined(__x86_64__)
// The 32-bit way into the kernel: `number` with one argument.
int CallI386(int number, int argument) {
  int result = number;
  asm volatile("int $0x80" : "+a"(result) : "b"(argument) : "memory", "r8", "r9", "r10", "r11");
  return result;
}

TEST(SystemCallArchitectures, OtherOnesEndTheProcess) {
  unit::ExecSettings exec;
  EXPECT_EQ(WEXITSTATUS(RunUnder(exec, [] { return CallI386(20, 0) > 0 ? 5 : 6; })), 5)
      << "this kernel makes no 32-bit calls: the rest of the test says nothing";
  exec.sandbox.system_call_architectures = {"native"};
  const int status = RunUnder(exec, [] { return CallI386(20, 0) > 0 ? 5 : 6; });
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) << status;
}

TEST(SystemCallFilter, HoldsForForeignCallsToo) {
  unit::ExecSettings exec;
  exec.sandbox.system_calls = unit::SystemCallRules{false, {"getpid"}};
  exec.sandbox.system_call_errno = EACCES;
  EXPECT_EQ(WEXITSTATUS(RunUnder(exec, [] { return -CallI386(20, 0); })), EACCES);
  EXPECT_EQ(ErrnoUnder(exec, [] { return ::syscall(0x40000000 | SYS_getpid); }), ENOSYS);
}
#endif

}  // namespace
}  // namespace inro::guest::sandbox
