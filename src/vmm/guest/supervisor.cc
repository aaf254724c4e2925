#include "vmm/guest/supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "sys/file.h"
#include "vmm/guest/supervisor_protocol.h"

namespace inro::vmm {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kStartLimit{30};
constexpr std::chrono::seconds kKillLimit{10};

// Only async-signal-safe calls: this is the child of a fork of a program that may have threads.
[[noreturn]] void ExecSupervisor(int socket, int lock, int null, int log, char* const* argv,
                                 char* const* environment) {
  ::setsid();
  // Out of the way of the numbers that they are moved to.
  const int high_socket = ::fcntl(socket, F_DUPFD, 16);
  const int high_lock = lock >= 0 ? ::fcntl(lock, F_DUPFD, 16) : -1;
  const int high_log = ::fcntl(log, F_DUPFD, 16);
  const bool ready = ::dup2(null, 0) == 0 && ::dup2(high_log, 1) == 1 && ::dup2(high_log, 2) == 2 &&
                     ::dup2(high_socket, kSupervisorSocket) == kSupervisorSocket &&
                     (high_lock < 0 || ::dup2(high_lock, kSupervisorLock) == kSupervisorLock);
  ::close(high_socket);
  ::close(high_log);
  if (high_lock >= 0) ::close(high_lock);
  // A detached guest outlives its owner: what the owner's shell handed down must not live on.
  if (high_lock < 0) ::close(kSupervisorLock);
  ::close_range(kSupervisorLock + 1, ~0U, 0);
  if (ready) ::execve("/proc/self/exe", argv, environment);
  constexpr std::string_view kText = "failed the supervisor could not be executed";
  (void)!::send(kSupervisorSocket, kText.data(), kText.size(), MSG_NOSIGNAL);
  ::_exit(127);
}

// One message from the supervisor. kTimeout; kClosed when the supervisor is gone.
Result<SupervisorMessage> Receive(int socket, Clock::time_point deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd polled{socket, POLLIN, 0};
    const int ready = ::poll(&polled, 1, static_cast<int>(std::clamp<long>(left, 0, 1 << 30)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return FailErrno("wait for the guest's supervisor");
    if (ready == 0) return FailAs(ErrorKind::kTimeout, "the guest's supervisor did not answer");
    char bytes[kSupervisorMessageLimit];
    const ssize_t got = ::recv(socket, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got <= 0) return FailAs(ErrorKind::kClosed, "the guest's supervisor died");
    return ParseSupervisorMessage({bytes, static_cast<std::size_t>(got)});
  }
}

}  // namespace

std::string GuestExit::ToString() const {
  switch (reason) {
    case Reason::kGuest:
      return status > 128 ? fmt::format("died of signal {}", status - 128)
                          : fmt::format("ended with status {}", status);
    case Reason::kKilled:
      return "was killed";
    case Reason::kTimeLimit:
      return "was stopped at its time limit";
  }
  return "?";
}

Result<Supervisor> Supervisor::Start(const SupervisorSpec& spec, int lock_fd) {
  // Were the program's main() to miss MaybeSupervise, each supervisor would start another one.
  if (std::getenv(kSupervisedVariable) != nullptr) {
    return Fail("this program cannot start guests: its main() does not call MaybeSupervise");
  }
  int sockets[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
    return FailErrno("make a socket pair");
  }
  UniqueFd ours(sockets[0]);
  UniqueFd theirs(sockets[1]);
  INRO_ASSIGN(const UniqueFd null, sys::Open("/dev/null", O_RDONLY));
  INRO_ASSIGN(const UniqueFd log,
              sys::Open(spec.folder + "/qemu.log", O_WRONLY | O_CREAT | O_APPEND, 0600));

  std::vector<std::string> words = ToWords(spec);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::string mark = std::string(kSupervisedVariable) + "=1";
  std::vector<char*> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.push_back(*entry);
  environment.push_back(mark.data());
  environment.push_back(nullptr);

  Supervisor supervisor;
  supervisor.pid_ = ::fork();
  if (supervisor.pid_ < 0) return FailErrno("fork the guest's supervisor");
  if (supervisor.pid_ == 0) {
    ExecSupervisor(theirs.get(), lock_fd, null.get(), log.get(), argv.data(), environment.data());
  }
  theirs.reset();
  supervisor.socket_ = std::move(ours);
  INRO_ASSIGN(const SupervisorMessage message,
              Receive(supervisor.socket_.get(), Clock::now() + kStartLimit));
  if (message.kind != SupervisorMessage::Kind::kStarted) return Fail("{}", message.text);
  supervisor.qemu_pid_ = message.pid;
  supervisor.exec_time_ = Clock::time_point(message.time);
  return supervisor;
}

Supervisor::Supervisor(Supervisor&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      qemu_pid_(other.qemu_pid_),
      exec_time_(other.exec_time_),
      socket_(std::move(other.socket_)),
      exit_(other.exit_) {}

Supervisor::~Supervisor() { Kill(); }

Result<std::optional<GuestExit>> Supervisor::WaitExit(std::chrono::milliseconds timeout) {
  if (exit_) return exit_;
  if (!socket_) return FailAs(ErrorKind::kClosed, "the guest's supervisor died");
  auto message = Receive(socket_.get(), Clock::now() + timeout);
  if (!message && message.error().kind() == ErrorKind::kTimeout) return std::nullopt;
  if (!message) {
    socket_.reset();
    return std::unexpected(message.error());
  }
  if (message->kind != SupervisorMessage::Kind::kExited) return Fail("{}", message->text);
  exit_ = message->exit;
  return exit_;
}

Result<> Supervisor::Detach() {
  if (exit_ || !socket_) return FailAs(ErrorKind::kClosed, "the guest has ended");
  if (::send(socket_.get(), kDetachRequest.data(), kDetachRequest.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(kDetachRequest.size())) {
    return FailErrno("speak to the guest's supervisor");
  }
  INRO_ASSIGN(const SupervisorMessage message, Receive(socket_.get(), Clock::now() + kStartLimit));
  if (message.kind == SupervisorMessage::Kind::kExited) {
    exit_ = message.exit;
    return FailAs(ErrorKind::kClosed, "the guest {}", message.exit.ToString());
  }
  if (message.kind != SupervisorMessage::Kind::kDetached) return Fail("{}", message.text);
  pid_ = -1;
  socket_.reset();
  return {};
}

void Supervisor::Kill() {
  if (pid_ < 0) return;
  if (socket_ && !exit_) {
    ::shutdown(socket_.get(), SHUT_WR);
    (void)WaitExit(kKillLimit);
    // It did not obey: its death takes QEMU along.
    if (!exit_) ::kill(pid_, SIGKILL);
  }
  // The supervisor ends by itself after "exited"; a dead one is a zombie that waits to be reaped.
  Reap();
  socket_.reset();
}

void Supervisor::Reap() {
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

}  // namespace inro::vmm
