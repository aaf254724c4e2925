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
#include "vmm/guest/ended_guest.h"
#include "vmm/guest/supervisor.h"
#include "vmm/guest/supervisor_protocol.h"
#include "vmm/guest/time_service.h"
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

// What the owner said, when its socket is readable.
enum class OwnerWord { kStop, kDetach };
OwnerWord ListenToOwner() {
  char bytes[16];
  const ssize_t got = ::recv(kSupervisorSocket, bytes, sizeof bytes, MSG_DONTWAIT);
  const bool detach =
      got > 0 && std::string_view(bytes, static_cast<std::size_t>(got)) == kDetachRequest;
  // An owner that asked and was gone before the answer still meant it.
  if (detach) (void)Tell({.kind = SupervisorMessage::Kind::kDetached});
  return detach ? OwnerWord::kDetach : OwnerWord::kStop;
}

struct Watched {
  pid_t qemu = -1;
  int signals = -1;
  Clock::time_point limit = Clock::time_point::max();
};

// Waits for the first reason to stop. The child's status is left for waitpid.
GuestExit::Reason WaitForEnd(const Watched& watched, TimeService& time, bool& detached) {
  while (true) {
    auto wait = time.RetryInterval();
    if (watched.limit != Clock::time_point::max()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(watched.limit - Clock::now());
      if (left.count() <= 0) return GuestExit::Reason::kTimeLimit;
      if (wait.count() < 0 || left < wait) wait = left;
    }
    // A negative descriptor is one that poll(2) leaves out.
    pollfd polled[2] = {{detached ? -1 : kSupervisorSocket, POLLIN, 0},
                        {watched.signals, POLLIN, 0}};
    const int ready = ::poll(polled, 2, static_cast<int>(std::min<long>(wait.count(), 1 << 30)));
    if (ready < 0) continue;  // EINTR
    if (ready == 0) time.Retry();
    if (polled[0].revents != 0) {
      if (ListenToOwner() == OwnerWord::kStop) return GuestExit::Reason::kKilled;
      detached = true;
      // The owner's folder may go, or its file system be unmounted.
      (void)!::chdir("/");
    }
    signalfd_siginfo info{};
    while (::read(watched.signals, &info, sizeof info) == sizeof info) {
      if (info.ssi_signo != SIGCHLD) return GuestExit::Reason::kKilled;
    }
    siginfo_t ended{};
    if (::waitid(P_PID, static_cast<id_t>(watched.qemu), &ended, WEXITED | WNOHANG | WNOWAIT) ==
            0 &&
        ended.si_pid == watched.qemu) {
      return GuestExit::Reason::kGuest;
    }
  }
}

Result<GuestExit> RunToEnd(const SupervisorSpec& spec, bool& detached) {
  INRO_ASSIGN(const UniqueFd signals, TakeSignals());
  INRO_ASSIGN(const auto device, VsockThread::Start(spec));
  TimeService time(spec);
  const auto now = Clock::now();
  INRO_ASSIGN(const pid_t qemu, StartQemu(spec.qemu));
  (void)Tell(
      {.kind = SupervisorMessage::Kind::kStarted, .pid = qemu, .time = now.time_since_epoch()});
  Watched watched{.qemu = qemu, .signals = signals.get()};
  if (spec.time_limit.count() > 0) watched.limit = now + spec.time_limit;
  GuestExit exit;
  exit.reason = WaitForEnd(watched, time, detached);
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
  bool detached = false;
  const auto exit = RunToEnd(*spec, detached);
  if (detached) {
    const std::string end = exit ? exit->ToString() : exit.error().ToString();
    if (const auto kept = KeepEndedGuest({spec->folder}, end); !kept) {
      fmt::print(stderr, "inro: {}\n", kept.error().ToString());
    }
    if (!spec->keep_folder) (void)sys::RemoveAll(spec->folder);
    return exit ? 0 : 1;
  }
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
