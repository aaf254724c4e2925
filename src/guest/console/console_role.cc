#include "guest/console/console_role.h"

#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/result.h"
#include "guest/console/passage.h"
#include "sys/file.h"
#include "sys/pseudo_terminal.h"
#include "sys/shell.h"
#include "sys/spawn.h"
#include "wire/address.h"

namespace inro::guest::console {
namespace {

constexpr int kPatienceMs = 2000;
constexpr int kRoundsOfKilling =
    200;  // 10 ms each; more than one only while children have children

std::vector<std::string> Environment(std::string_view terminal_type) {
  return {fmt::format("PATH={}", sys::kProgramPath), "HOME=/root", "USER=root", "LOGNAME=root",
          fmt::format("TERM={}", terminal_type)};
}

bool MayTalk(int connection) {
  sockaddr_vm address{};
  socklen_t length = sizeof address;
  if (::getpeername(connection, reinterpret_cast<sockaddr*>(&address), &length) != 0) return false;
  const bool vsock = address.svm_family == AF_VSOCK;
  return wire::GuestAccepts({vsock, vsock ? address.svm_cid : 0});
}

Result<pid_t> StartShell(const sys::Shell& shell, int terminal, std::string_view terminal_type) {
  sys::SpawnRequest request;
  request.program = shell.program;
  request.argv = shell.argv;
  request.environment = Environment(terminal_type);
  request.streams = {terminal, terminal, terminal};
  request.controlling_terminal = true;
  request.working_directory = "/root";
  request.working_directory_optional = true;
  return sys::Spawn(request);
}

void Say(int fd, std::string_view line) {
  (void)sys::WriteAll(fd, fmt::format("{}\r\n", line), "the console");
}

// Ends what the shell leaves behind, in whatever process group: jobs that have lost their parent
// are this process's children (it is their subreaper). A kernel without lists of children leaves
// that to the unit's control group.
void EndTheRest(pid_t shell) {
  // A shell tells its jobs itself, if it gets to it in time.
  ::kill(-shell, SIGHUP);
  for (int i = 0; i < 20 && ::waitpid(shell, nullptr, WNOHANG) == 0; ++i) ::usleep(10'000);
  ::kill(-shell, SIGKILL);
  for (int i = 0; i < kRoundsOfKilling; ++i) {
    const std::string children = sys::ReadFile("/proc/thread-self/children").value_or("");
    for (const char* at = children.c_str(); *at != '\0';) {
      char* end = nullptr;
      const long pid = std::strtol(at, &end, 10);
      if (end == at) break;
      ::kill(static_cast<pid_t>(pid), SIGKILL);
      at = end;
    }
    pid_t reaped = 0;
    while ((reaped = ::waitpid(-1, nullptr, WNOHANG)) > 0) {
    }
    if (reaped < 0) return;
    ::usleep(10'000);
  }
}

int ServeConnection(int connection) {
  if (!MayTalk(connection)) return 1;
  const sys::Shell shell = sys::FindShell();
  if (shell.program.empty()) {
    Say(connection, sys::kNoShell);
    return 1;
  }
  auto terminal = sys::OpenPseudoTerminal();
  if (!terminal) {
    Say(connection, terminal.error().ToString());
    return 1;
  }
  const auto pid = StartShell(shell, terminal->slave.get(), "linux");
  if (!pid) {
    Say(connection, pid.error().ToString());
    return 1;
  }
  terminal->slave.reset();
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::fcntl(connection, F_SETFL, ::fcntl(connection, F_GETFL) | O_NONBLOCK);
  const UniqueFd child(static_cast<int>(::syscall(SYS_pidfd_open, *pid, 0)));
  Pass(connection, terminal->master.get(), child.get(), kPatienceMs);
  // What the shell has started in the background ends with its terminal.
  terminal->master.reset();
  ::shutdown(connection, SHUT_WR);
  EndTheRest(*pid);
  return 0;
}

// The device behind /dev/console: it can be a controlling terminal, /dev/console itself cannot.
std::string TerminalBehind(const std::string& path) {
  if (path != "/dev/console") return path;
  std::string active = sys::ReadFile("/sys/class/tty/console/active").value_or("");
  while (active.ends_with('\n')) active.pop_back();
  // Several are listed; /dev/console is the last.
  const std::string name = active.substr(active.rfind(' ') + 1);
  return name.empty() ? path : fmt::format("/dev/{}", name);
}

int ServeTerminal(const std::string& path) {
  const std::string device = TerminalBehind(path);
  const UniqueFd terminal(::open(device.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!terminal) {
    std::fprintf(stderr, "inro-console: %s\n",
                 Error::FromErrno("open " + device).ToString().c_str());
    return 1;
  }
  const sys::Shell shell = sys::FindShell();
  if (shell.program.empty()) {
    Say(terminal.get(), sys::kNoShell);
    ::pause();  // said once, not every 200 ms
    return 1;
  }
  Say(terminal.get(), fmt::format("debug console on {}", device));
  const auto pid = StartShell(shell, terminal.get(), "vt220");
  if (!pid) {
    Say(terminal.get(), pid.error().ToString());
    return 1;
  }
  int status = 0;
  while (::waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
  }
  return 0;
}

}  // namespace

int RunConsole(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  return argc > 1 ? ServeTerminal(argv[1]) : ServeConnection(STDIN_FILENO);
}

}  // namespace inro::guest::console
