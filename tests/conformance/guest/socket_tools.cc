// The cases' tools that look at sockets and keep descriptors with PID 1.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "conformance_guest.h"

namespace inro::conformance {
namespace {

struct Option {
  const char* name;
  int level;
  int number;
};
constexpr Option kOptions[] = {
    {"keepalive", SOL_SOCKET, SO_KEEPALIVE},
    {"broadcast", SOL_SOCKET, SO_BROADCAST},
    {"priority", SOL_SOCKET, SO_PRIORITY},
    {"mark", SOL_SOCKET, SO_MARK},
    {"receive-buffer", SOL_SOCKET, SO_RCVBUF},
    {"send-buffer", SOL_SOCKET, SO_SNDBUF},
    {"reuse-port", SOL_SOCKET, SO_REUSEPORT},
    {"pass-credentials", SOL_SOCKET, SO_PASSCRED},
    {"pass-security", SOL_SOCKET, SO_PASSSEC},
    {"no-delay", IPPROTO_TCP, TCP_NODELAY},
    {"tos", IPPROTO_IP, IP_TOS},
    {"ttl", IPPROTO_IP, IP_TTL},
    {"free-bind", IPPROTO_IP, IP_FREEBIND},
    {"transparent", IPPROTO_IP, IP_TRANSPARENT},
    {"only-ipv6", IPPROTO_IPV6, IPV6_V6ONLY},
};

}  // namespace

int PrintOptions(char** words) {
  for (; *words != nullptr; ++words) {
    bool known = false;
    for (const Option& option : kOptions) {
      if (std::strcmp(option.name, *words) != 0) continue;
      known = true;
      int value = 0;
      socklen_t size = sizeof value;
      if (::getsockopt(3, option.level, option.number, &value, &size) != 0) {
        std::printf("%s %s\n", option.name, ::strerrorname_np(errno));
      } else {
        std::printf("%s %d\n", option.name, value);
      }
    }
    if (std::strcmp(*words, "device") == 0) {
      known = true;
      char name[64] = "";
      socklen_t size = sizeof name;
      ::getsockopt(3, SOL_SOCKET, SO_BINDTODEVICE, name, &size);
      std::printf("device %s\n", name);
    }
    if (!known) return 2;
  }
  return 0;
}

int StoreDescriptor(char** words) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || words[0] == nullptr || words[1] == nullptr) return 2;
  const int kept = ::memfd_create("kept", MFD_CLOEXEC);
  if (kept < 0 || ::write(kept, words[1], std::strlen(words[1])) < 0) return 1;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  if (path[0] == '@') address.sun_path[0] = '\0';
  std::string text = std::string("FDSTORE=1\nFDNAME=") + words[0];
  iovec part{text.data(), text.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_name = &address;
  message.msg_namelen = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &kept, sizeof kept);
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const bool sent = ::sendmsg(fd, &message, 0) >= 0;
  if (!sent) std::perror("store");
  ::usleep(200'000);  // as in SendNotification
  return sent ? 0 : 1;
}

int ReadStored(char** words) {
  const char* names = std::getenv("LISTEN_FDNAMES");
  static_cast<void>(words);
  if (names == nullptr) return std::puts("nothing stored") < 0 ? 1 : 0;
  char text[256] = "";
  const ssize_t size = ::pread(3, text, sizeof text - 1, 0);
  std::printf("%s: %s\n", names, size < 0 ? "?" : text);
  return 0;
}

}  // namespace inro::conformance
