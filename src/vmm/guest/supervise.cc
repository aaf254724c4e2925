// The supervisor's process (see supervisor.h).
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "sys/file.h"
#include "vmm/guest/supervisor.h"
#include "vmm/guest/supervisor_protocol.h"
#include "vmm/guest/vsock_thread.h"

namespace inro::vmm {
namespace {

using Clock = std::chrono::steady_clock;

// False when the owner is gone.
bool Tell(const SupervisorMessage& message) {
  const std::string bytes = Encode(message);
  return ::send(kSupervisorSocket, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(bytes.size());
}

// Blocks the signals that end the supervisor or tell of its child, and returns where they arrive.
Result<UniqueFd> TakeSignals() {
  sigset_t taken;
  sigemptyset(&taken);
  for (const int number : {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT}) sigaddset(&taken, number);
  if (::sigprocmask(SIG_SETMASK, &taken, nullptr) != 0) return FailErrno("block signals");
  ::signal(SIGPIPE, SIG_IGN);
  UniqueFd fd(::signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return FailErrno("make a signal descriptor");
  return fd;
}

// Starts QEMU as a child that dies with this thread.
Result<pid_t> StartQemu(const std::vector<std::string>& words) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return FailErrno("make a pipe");
  const UniqueFd failure_read(fds[0]);
  UniqueFd failure_write(fds[1]);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return FailErrno("fork for {}", words[0]);
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);  // the supervisor died before the line above
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    ::unsetenv(kSupervisedVariable);
    ::execvp(argv[0], argv.data());
    const int err = errno;
    (void)!::write(failure_write.get(), &err, sizeof err);
    ::_exit(127);
  }
  failure_write.reset();
  int err = 0;
  if (::read(failure_read.get(), &err, sizeof err) == sizeof err) {
    ::waitpid(child, nullptr, 0);
    const std::string_view hint =
        err == ENOENT ? " (Debian's package is qemu-system-x86)" : std::string_view();
    return std::unexpected(Error::FromErrno(fmt::format("run {}{}", words[0], hint), err));
  }
  return child;
}

// Waits for the first reason to stop. The child's status is left for waitpid.
GuestExit::Reason WaitForEnd(pid_t qemu, int signals, Clock::time_point limit, bool limited) {
  while (true) {
    int timeout = -1;
    if (limited) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(limit - Clock::now()).count();
      if (left <= 0) return GuestExit::Reason::kTimeLimit;
      timeout = static_cast<int>(std::min<long>(left, 1 << 30));
    }
    pollfd polled[2] = {{kSupervisorSocket, POLLIN, 0}, {signals, POLLIN, 0}};
    if (::poll(polled, 2, timeout) < 0) continue;  // EINTR
    // The owner never sends anything: readable means that it is gone or wants an end.
    if (polled[0].revents != 0) return GuestExit::Reason::kKilled;
    signalfd_siginfo info{};
    while (::read(signals, &info, sizeof info) == sizeof info) {
      if (info.ssi_signo != SIGCHLD) return GuestExit::Reason::kKilled;
    }
    siginfo_t ended{};
    if (::waitid(P_PID, static_cast<id_t>(qemu), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
        ended.si_pid == qemu) {
      return GuestExit::Reason::kGuest;
    }
  }
}

Result<GuestExit> RunToEnd(const SupervisorSpec& spec) {
  INRO_ASSIGN(const UniqueFd signals, TakeSignals());
  INRO_ASSIGN(const auto device, VsockThread::Start(spec));
  const auto now = Clock::now();
  INRO_ASSIGN(const pid_t qemu, StartQemu(spec.qemu));
  (void)Tell(
      {.kind = SupervisorMessage::Kind::kStarted, .pid = qemu, .time = now.time_since_epoch()});
  const bool limited = spec.time_limit.count() > 0;
  GuestExit exit;
  exit.reason = WaitForEnd(qemu, signals.get(), now + spec.time_limit, limited);
  if (exit.reason != GuestExit::Reason::kGuest) ::kill(qemu, SIGKILL);
  int status = 0;
  while (::waitpid(qemu, &status, 0) < 0 && errno == EINTR) {
  }
  exit.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return exit;
}

}  // namespace

std::optional<int> MaybeSupervise(int argc, char** argv) {
  if (argc < 2 || kSuperviseVerb != argv[1]) return std::nullopt;
  for (const int fd : {kSupervisorSocket, kSupervisorLock}) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  const auto spec = FromWords({argv, argv + argc});
  if (!spec) {
    (void)Tell({.text = spec.error().ToString()});
    return 2;
  }
  const auto exit = RunToEnd(*spec);
  SupervisorMessage last;
  if (exit) {
    last = {.kind = SupervisorMessage::Kind::kExited, .exit = *exit};
  } else {
    last.text = exit.error().ToString();
  }
  if (!Tell(last) && !spec->keep_folder) (void)sys::RemoveAll(spec->folder);
  return exit ? 0 : 1;
}

}  // namespace inro::vmm
