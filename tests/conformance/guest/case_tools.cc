#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "conformance_guest.h"

namespace inro::conformance {
namespace {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

// "/path", "@abstract", "1.2.3.4:5".
bool ParseAddress(const std::string& text, Address& address) {
  if (text.starts_with('/') || text.starts_with('@')) {
    auto* local = reinterpret_cast<sockaddr_un*>(&address.storage);
    if (text.size() >= sizeof local->sun_path) return false;
    local->sun_family = AF_UNIX;
    std::memcpy(local->sun_path, text.data(), text.size());
    if (text.starts_with('@')) local->sun_path[0] = '\0';
    address.size =
        static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + text.size() + (text[0] == '/'));
    return true;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return false;
  auto* inet = reinterpret_cast<sockaddr_in*>(&address.storage);
  inet->sin_family = AF_INET;
  inet->sin_port = htons(static_cast<std::uint16_t>(std::atoi(text.c_str() + colon + 1)));
  address.size = sizeof *inet;
  return ::inet_pton(AF_INET, text.substr(0, colon).c_str(), &inet->sin_addr) == 1;
}

const char* NameOf(int error) {
  const char* name = ::strerrorname_np(error);
  return name == nullptr ? "?" : name;
}

int ListenCount() {
  const char* pid = std::getenv("LISTEN_PID");
  const char* count = std::getenv("LISTEN_FDS");
  if (pid == nullptr || count == nullptr || std::atoi(pid) != ::getpid()) return 0;
  return std::atoi(count);
}

std::vector<std::string> ListenNames() {
  std::vector<std::string> names;
  const char* text = std::getenv("LISTEN_FDNAMES");
  std::string rest = text == nullptr ? "" : text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    names.push_back(rest.substr(0, end));
    rest.erase(0, std::min(end + 1, rest.size()));
  }
  names.resize(static_cast<std::size_t>(std::max(ListenCount(), 0)));
  return names;
}

int TryMount() { return ::mount("none", "/mnt", "tmpfs", 0, nullptr); }
int TryUnshareNetwork() { return ::unshare(CLONE_NEWNET); }
int TryUnshareUser() { return ::unshare(CLONE_NEWUSER); }
int TryPersonality() { return ::personality(PER_LINUX32) < 0 ? -1 : 0; }
int TryWriteExecute() {
  void* page =
      ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return page == MAP_FAILED ? -1 : 0;
}
int TryInet() { return ::socket(AF_INET, SOCK_STREAM, 0) < 0 ? -1 : 0; }
int TryUnix() { return ::socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? -1 : 0; }
int TryNetlink() { return ::socket(AF_NETLINK, SOCK_RAW, 0) < 0 ? -1 : 0; }
int TryRealtime() {
  sched_param parameters{};
  parameters.sched_priority = 1;
  return ::sched_setscheduler(0, SCHED_FIFO, &parameters);
}
int TrySetuid() {
  const int fd = ::open("/tmp/conformance-suid", O_CREAT | O_WRONLY, 0644);
  if (fd < 0) return -1;
  const int result = ::fchmod(fd, 04755);
  const int error = errno;
  ::close(fd);
  ::unlink("/tmp/conformance-suid");
  errno = error;
  return result;
}
int TryClock() {
  timex adjustment{};
  adjustment.modes = ADJ_TICK;
  adjustment.tick = 10000;
  return ::adjtimex(&adjustment) < 0 ? -1 : 0;
}
int TryHostName() {
  char name[65];
  if (::gethostname(name, sizeof name) != 0) return -1;
  return ::sethostname(name, std::strlen(name));
}
int TryChroot() { return ::chroot("/"); }
int TryNode() {
  const int result = ::mknod("/run/conformance-node", S_IFCHR | 0600, makedev(1, 3));
  const int error = errno;
  ::unlink("/run/conformance-node");
  errno = error;
  return result;
}
int TryKeyring() { return ::syscall(SYS_keyctl, 0, -3, 0) < 0 ? -1 : 0; }
int TrySwap() { return ::syscall(SYS_swapoff, "/nonexistent") < 0 ? -1 : 0; }
int TryUname() { return ::syscall(SYS_uname, nullptr) < 0 ? -1 : 0; }

struct Call {
  const char* name;
  int (*make)();
};
constexpr Call kCalls[] = {
    {"mount", TryMount},
    {"unshare-net", TryUnshareNetwork},
    {"unshare-user", TryUnshareUser},
    {"personality", TryPersonality},
    {"write-execute", TryWriteExecute},
    {"socket-inet", TryInet},
    {"socket-unix", TryUnix},
    {"socket-netlink", TryNetlink},
    {"realtime", TryRealtime},
    {"setuid", TrySetuid},
    {"clock", TryClock},
    {"hostname", TryHostName},
    {"chroot", TryChroot},
    {"mknod", TryNode},
    {"keyctl", TryKeyring},
    {"swapoff", TrySwap},
    {"uname", TryUname},
};

}  // namespace

int SendNotification(char** words) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  Address address;
  if (path == nullptr || !ParseAddress(path, address)) return 3;
  std::string text;
  for (; *words != nullptr; ++words) text += std::string(*words) + "\n";
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const ssize_t sent = ::sendto(fd, text.data(), text.size(), 0,
                                reinterpret_cast<const sockaddr*>(&address.storage), address.size);
  if (sent < 0) std::perror("notify");
  // PID 1 finds the unit by the sender's control group: it must still live when that is looked up.
  ::usleep(200'000);
  return sent < 0 ? 1 : 0;
}

int Converse(char** words) {
  Address address;
  if (*words == nullptr || !ParseAddress(*words, address)) return 2;
  const int fd = ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0) {
    std::printf("%s\n", NameOf(errno));
    return 1;
  }
  if (words[1] != nullptr) static_cast<void>(::write(fd, words[1], std::strlen(words[1])) > 0);
  ::shutdown(fd, SHUT_WR);
  char bytes[4096];
  for (ssize_t got; (got = ::read(fd, bytes, sizeof bytes)) > 0;) {
    static_cast<void>(::write(1, bytes, static_cast<std::size_t>(got)) > 0);
  }
  return 0;
}

int AnswerOnSockets(char** words) {
  const int count = ListenCount();
  const std::vector<std::string> names = ListenNames();
  int left = *words == nullptr ? -1 : std::atoi(*words);
  if (count <= 0) return 3;
  fd_set watched;
  while (left != 0) {
    FD_ZERO(&watched);
    for (int fd = 3; fd < 3 + count; ++fd) FD_SET(fd, &watched);
    if (::select(3 + count, &watched, nullptr, nullptr, nullptr) < 0) return 1;
    for (int fd = 3; fd < 3 + count; ++fd) {
      if (!FD_ISSET(fd, &watched)) continue;
      const int connection = ::accept(fd, nullptr, nullptr);
      if (connection < 0) continue;
      const std::string text = "answer from " + names[static_cast<std::size_t>(fd - 3)] + "\n";
      static_cast<void>(::write(connection, text.data(), text.size()) > 0);
      ::close(connection);
      if (left > 0) --left;
    }
  }
  return 0;
}

int ListDescriptors() {
  const std::vector<std::string> names = ListenNames();
  for (std::size_t i = 0; i < names.size(); ++i) {
    const int fd = 3 + static_cast<int>(i);
    int domain = -1;
    int type = -1;
    socklen_t size = sizeof domain;
    ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size);
    size = sizeof type;
    ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size);
    const char* family = domain == AF_UNIX      ? "unix"
                         : domain == AF_INET    ? "inet"
                         : domain == AF_INET6   ? "inet6"
                         : domain == AF_VSOCK   ? "vsock"
                         : domain == AF_NETLINK ? "netlink"
                                                : "file";
    const char* kind = type == SOCK_STREAM      ? "stream"
                       : type == SOCK_DGRAM     ? "datagram"
                       : type == SOCK_SEQPACKET ? "seqpacket"
                       : type == SOCK_RAW       ? "raw"
                                                : "-";
    std::printf("%d %s %s %s\n", fd, names[i].c_str(), family, kind);
  }
  if (names.empty()) std::printf("none\n");
  return 0;
}

int TryCall(char** words) {
  for (; *words != nullptr; ++words) {
    bool known = false;
    for (const Call& call : kCalls) {
      if (std::strcmp(call.name, *words) != 0) continue;
      known = true;
      errno = 0;
      const int result = call.make();
      std::printf("%s %s\n", call.name, result == 0 ? "ok" : NameOf(errno));
      std::fflush(stdout);
    }
    if (!known) return 2;
  }
  return 0;
}

int IgnoreSignals(char** words) {
  for (; *words != nullptr; ++words) {
    if (std::strcmp(*words, "TERM") == 0) ::signal(SIGTERM, SIG_IGN);
    if (std::strcmp(*words, "HUP") == 0) ::signal(SIGHUP, SIG_IGN);
    if (std::strcmp(*words, "INT") == 0) ::signal(SIGINT, SIG_IGN);
  }
  while (true) ::pause();
}

}  // namespace inro::conformance
