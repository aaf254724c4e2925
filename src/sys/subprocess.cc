#include "sys/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"

namespace inro::sys {
namespace {

using Clock = std::chrono::steady_clock;

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Result<Pipe> MakePipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return FailErrno("make a pipe");
  return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

// Runs in the child between fork and exec: only async-signal-safe calls.
[[noreturn]] void ExecChild(const std::array<int, 3>& stdio, pid_t parent,
                            const std::string& working_directory, char* const* argv,
                            char* const* envp, int error_fd) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  const bool ready = ::getppid() == parent && ::dup2(stdio[0], 0) == 0 &&
                     ::dup2(stdio[1], 1) == 1 && ::dup2(stdio[2], 2) == 2 &&
                     (working_directory.empty() || ::chdir(working_directory.c_str()) == 0);
  if (ready) ::execvpe(argv[0], argv, envp);
  const int err = errno;
  (void)!::write(error_fd, &err, sizeof err);
  ::_exit(127);
}

// Moves bytes until both output pipes are at their end or the deadline passes.
Result<> Pump(Pipe& in, Pipe& out, Pipe& err, std::string_view input, Clock::time_point deadline,
              RunOutput& output) {
  ::fcntl(in.write.get(), F_SETFL, O_NONBLOCK);
  if (input.empty()) in.write.reset();
  while (out.read || err.read) {
    std::array<pollfd, 3> polled{
        {{out.read.get(), POLLIN, 0}, {err.read.get(), POLLIN, 0}, {in.write.get(), POLLOUT, 0}}};
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return FailAs(ErrorKind::kTimeout, "not finished in time");
    if (::poll(polled.data(), polled.size(), static_cast<int>(std::min<long>(left, 1 << 30))) < 0 &&
        errno != EINTR) {
      return FailErrno("poll");
    }
    char buffer[65536];
    for (auto [fd, sink] : {std::pair{&out.read, &output.out}, std::pair{&err.read, &output.err}}) {
      if (!*fd || polled[fd == &out.read ? 0 : 1].revents == 0) continue;
      const ssize_t got = ::read(fd->get(), buffer, sizeof buffer);
      if (got > 0) {
        sink->append(buffer, static_cast<std::size_t>(got));
      } else if (got == 0 || errno != EINTR) {
        fd->reset();
      }
    }
    if (in.write && polled[2].revents != 0) {
      const ssize_t wrote = ::write(in.write.get(), input.data(), input.size());
      if (wrote > 0) input.remove_prefix(static_cast<std::size_t>(wrote));
      if (input.empty() || (wrote < 0 && errno != EAGAIN && errno != EINTR)) in.write.reset();
    }
  }
  return {};
}

}  // namespace

Result<RunOutput> Run(const std::vector<std::string>& argv, const RunOptions& options) {
  if (argv.empty()) return Fail("run: no program named");
  INRO_ASSIGN(Pipe in, MakePipe());
  INRO_ASSIGN(Pipe out, MakePipe());
  INRO_ASSIGN(Pipe err, MakePipe());
  INRO_ASSIGN(Pipe failure, MakePipe());
  std::vector<char*> arguments;
  for (const auto& word : argv) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  std::vector<char*> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    bool replaced = false;
    for (const auto& added : options.environment) {
      const std::size_t name = added.find('=') + 1;
      replaced = replaced || (name > 0 && std::strncmp(*entry, added.c_str(), name) == 0);
    }
    if (!replaced) environment.push_back(*entry);
  }
  for (const auto& added : options.environment) {
    environment.push_back(const_cast<char*>(added.c_str()));
  }
  environment.push_back(nullptr);

  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return FailErrno("fork for {}", argv[0]);
  if (child == 0) {
    ExecChild({in.read.get(), out.write.get(), err.write.get()}, parent, options.working_directory,
              arguments.data(), environment.data(), failure.write.get());
  }
  in.read.reset();
  out.write.reset();
  err.write.reset();
  failure.write.reset();

  // A child that ends early must not kill this process by SIGPIPE.
  struct sigaction ignore{};
  struct sigaction saved{};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, &saved);
  RunOutput output;
  auto pumped = Pump(in, out, err, options.stdin_bytes, Clock::now() + options.timeout, output);
  ::sigaction(SIGPIPE, &saved, nullptr);
  if (!pumped) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  int exec_errno = 0;
  if (::read(failure.read.get(), &exec_errno, sizeof exec_errno) == sizeof exec_errno) {
    return std::unexpected(Error::FromErrno(fmt::format("run {}", argv[0]), exec_errno));
  }
  if (!pumped) return std::unexpected(pumped.error().Wrap(fmt::format("run {}", argv[0])));
  output.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return output;
}

Result<std::string> RunOrFail(const std::vector<std::string>& argv, const RunOptions& options) {
  INRO_ASSIGN(RunOutput output, Run(argv, options));
  if (output.status == 0) return std::move(output.out);
  constexpr std::size_t kTail = 2000;
  const std::string tail =
      output.err.size() > kTail ? output.err.substr(output.err.size() - kTail) : output.err;
  return Fail("{} ended with status {}: {}", argv[0], output.status, tail);
}

}  // namespace inro::sys
