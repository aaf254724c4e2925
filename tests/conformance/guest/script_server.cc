#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "conformance_guest.h"

namespace inro::conformance {
namespace {

constexpr std::size_t kMostOutput = 64 << 10;

bool ReadExactly(int fd, char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t got = ::read(fd, bytes, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    bytes += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

bool WriteAll(int fd, const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t put = ::write(fd, text.data() + done, text.size() - done);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    done += static_cast<std::size_t>(put);
  }
  return true;
}

bool ReadLine(int fd, std::string& line) {
  line.clear();
  char c = 0;
  while (line.size() < 100) {
    if (!ReadExactly(fd, &c, 1)) return false;
    if (c == '\n') return true;
    line += c;
  }
  return false;
}

long MillisecondsNow() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

struct Outcome {
  int code = 0;
  std::string output;
};

[[noreturn]] void BecomeShell(const std::string& script, int output) {
  ::setsid();
  ::dup2(::open("/dev/null", O_RDONLY), 0);
  ::dup2(output, 1);
  ::dup2(output, 2);
  ::execl("/bin/sh", "sh", "-c", script.c_str(), nullptr);
  ::_exit(127);
}

Outcome Execute(const std::string& script, long seconds) {
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) return {125, "pipe"};
  const pid_t pid = ::fork();
  if (pid == 0) BecomeShell(script, pipe[1]);
  ::close(pipe[1]);
  Outcome outcome;
  const long end = MillisecondsNow() + seconds * 1000;
  int status = 0;
  bool over = false;
  // The shell's end counts, not that of what it has left behind with its output open.
  while (!over) {
    const long left = end - MillisecondsNow();
    pollfd readable{pipe[0], POLLIN, 0};
    ::poll(&readable, 1, left > 50 ? 50 : static_cast<int>(left > 0 ? left : 0));
    over = ::waitpid(pid, &status, WNOHANG) == pid;
    if (!over && left <= 0) {
      ::kill(-pid, SIGKILL);
      ::waitpid(pid, &status, 0);
      outcome.code = 124;
      over = true;
    }
    ::fcntl(pipe[0], F_SETFL, O_NONBLOCK);
    char bytes[4096];
    for (ssize_t got; (got = ::read(pipe[0], bytes, sizeof bytes)) > 0;) {
      if (outcome.output.size() < kMostOutput) {
        outcome.output.append(bytes, static_cast<std::size_t>(got));
      }
    }
  }
  ::close(pipe[0]);
  if (outcome.code == 0) {
    outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  return outcome;
}

void Serve(int connection) {
  std::string line;
  while (ReadLine(connection, line)) {
    long seconds = 0;
    std::size_t size = 0;
    if (std::sscanf(line.c_str(), "%ld %zu", &seconds, &size) != 2 || size > (1 << 20)) return;
    std::string script(size, '\0');
    if (!ReadExactly(connection, script.data(), size)) return;
    const Outcome outcome = Execute(script, seconds);
    char head[64];
    std::snprintf(head, sizeof head, "%d %zu\n", outcome.code, outcome.output.size());
    if (!WriteAll(connection, head) || !WriteAll(connection, outcome.output)) return;
  }
}

}  // namespace

int ServeScripts() {
  const int listener = ::socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_vm address{};
  address.svm_family = AF_VSOCK;
  address.svm_cid = VMADDR_CID_ANY;
  address.svm_port = kScriptPort;
  if (listener < 0 ||
      ::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener, 4) != 0) {
    std::perror("listen");
    return 1;
  }
  while (true) {
    const int connection = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    Serve(connection);
    ::close(connection);
  }
}

}  // namespace inro::conformance
