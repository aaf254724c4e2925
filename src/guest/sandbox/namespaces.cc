#include "guest/sandbox/namespaces.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/scope_guard.h"
#include "sys/file.h"

namespace inro::guest::sandbox {
namespace {

struct Maker {
  SharedNamespace kind;
  int fd = -1;
  int error = 0;
};

const char* NameOf(SharedNamespace kind) {
  return kind == SharedNamespace::kNetwork ? "/proc/self/ns/net" : "/proc/self/ns/ipc";
}
int FlagOf(SharedNamespace kind) {
  return kind == SharedNamespace::kNetwork ? CLONE_NEWNET : CLONE_NEWIPC;
}

void RaiseLoopback() {
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return;  // a kernel without IPv4 has no loopback to raise
  ifreq request{};
  std::memcpy(request.ifr_name, "lo", 3);
  if (::ioctl(socket, SIOCGIFFLAGS, &request) == 0) {
    request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
    ::ioctl(socket, SIOCSIFFLAGS, &request);
  }
  ::close(socket);
}

// In the new namespace, in the caller's memory and with its descriptors: what is opened here stays.
int RunMaker(void* argument) {
  Maker& maker = *static_cast<Maker*>(argument);
  if (maker.kind == SharedNamespace::kNetwork) RaiseLoopback();
  maker.fd = ::open(NameOf(maker.kind), O_RDONLY | O_CLOEXEC);
  if (maker.fd < 0) maker.error = errno;
  ::_exit(0);
}

bool WriteText(const std::string& path, const std::string& text) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// "0 0 1" and the id's own line.
std::string IdMap(unsigned id) {
  return id == 0 ? "0 0 1\n" : fmt::format("0 0 1\n{} {} 1\n", id, id);
}

}  // namespace

Result<UniqueFd> MakeNamespace(SharedNamespace kind) {
  constexpr std::size_t kStack = 32 << 10;
  void* const stack = ::mmap(nullptr, kStack, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) return FailErrno("allocate a stack");
  const ScopeGuard unmap([&] { ::munmap(stack, kStack); });
  Maker maker{kind};
  // Not a child to be reaped by whoever waits for children: no signal at its end, and __WCLONE.
  const int pid = ::clone(&RunMaker, static_cast<char*>(stack) + kStack,
                          CLONE_VM | CLONE_VFORK | CLONE_FILES | FlagOf(kind), &maker);
  if (pid < 0) return FailErrno("make a namespace");
  while (::waitpid(pid, nullptr, __WCLONE) < 0 && errno == EINTR) {
  }
  if (maker.fd < 0) return std::unexpected(Error::FromErrno("open the namespace", maker.error));
  return UniqueFd(maker.fd);
}

Result<> EnterNamespace(int fd, SharedNamespace kind) {
  if (::setns(fd, FlagOf(kind)) != 0) return FailErrno("enter a namespace");
  return {};
}

Result<> EnterNamespace(const std::string& path, SharedNamespace kind) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!fd) return FailErrno("open {}", path);
  if (::setns(fd.get(), FlagOf(kind)) != 0) return FailErrno("enter {}", path);
  return {};
}

Result<> EnterUserNamespace(uid_t uid, gid_t gid) {
  // The map is written from outside: inside, there is no privilege yet for more than one line.
  const pid_t self = ::getpid();
  const UniqueFd entered(::eventfd(0, EFD_CLOEXEC));
  if (!entered) return FailErrno("make an event");
  const pid_t writer = ::fork();
  if (writer < 0) return FailErrno("start a process");
  if (writer == 0) {
    std::uint64_t count = 0;
    if (::read(entered.get(), &count, sizeof count) != sizeof count || count > 1) ::_exit(1);
    const std::string process = fmt::format("/proc/{}/", self);
    const bool done =
        WriteText(process + "uid_map", IdMap(uid)) && WriteText(process + "gid_map", IdMap(gid));
    ::_exit(done ? 0 : 2);
  }
  const int entered_error = ::unshare(CLONE_NEWUSER) == 0 ? 0 : errno;
  const std::uint64_t count = entered_error == 0 ? 1 : 2;
  if (::write(entered.get(), &count, sizeof count) != sizeof count) ::kill(writer, SIGKILL);
  int status = 0;
  while (::waitpid(writer, &status, 0) < 0 && errno == EINTR) {
  }
  if (entered_error != 0) {
    return std::unexpected(Error::FromErrno("make a user namespace", entered_error));
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return Fail("the user map was not accepted");
  return {};
}

}  // namespace inro::guest::sandbox
